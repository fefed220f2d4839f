// log2: the logarithm to base 2, elementwise.
//
// x [...] → out [...]. Bound by flops.
//
// OpenCL's own function, which the standard allows 3 units in the last place.

static inline C BODY(log2)(C x) { return log2(x); }

#ifndef FUSED
kernel void flowrun_log2(global const T *x, global T *out, int n) {
    int i = get_global_id(0);
    if (i < n) {
        STORE(T, out, i, BODY(log2)(LOAD(T, x, i)));
    }
}
#endif
