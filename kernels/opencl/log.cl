// log: the natural logarithm, elementwise.
//
// x [...] → out [...]. Bound by flops.
//
// OpenCL's own function, which the standard allows 3 units in the last place.

static inline C BODY(log)(C x) { return log(x); }

#ifndef FUSED
kernel void flowrun_log(global const T *x, global T *out, int n) {
    int i = get_global_id(0);
    if (i < n) {
        STORE(T, out, i, BODY(log)(LOAD(T, x, i)));
    }
}
#endif
