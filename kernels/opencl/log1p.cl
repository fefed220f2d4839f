// log1p: the logarithm of 1 + x, elementwise.
//
// x [...] → out [...]. Bound by flops.
//
// OpenCL's own function, which the standard allows 2 units in the last place.

static inline C BODY(log1p)(C x) { return log1p(x); }

#ifndef FUSED
kernel void flowrun_log1p(global const T *x, global T *out, int n) {
    int i = get_global_id(0);
    if (i < n) {
        STORE(T, out, i, BODY(log1p)(LOAD(T, x, i)));
    }
}
#endif
