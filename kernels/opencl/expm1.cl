// expm1: e to the x, minus 1, elementwise.
//
// x [...] → out [...]. Bound by flops.
//
// OpenCL's own function, which the standard allows 3 units in the last place.

static inline C BODY(expm1)(C x) { return expm1(x); }

#ifndef FUSED
kernel void flowrun_expm1(global const T *x, global T *out, int n) {
    int i = get_global_id(0);
    if (i < n) {
        STORE(T, out, i, BODY(expm1)(LOAD(T, x, i)));
    }
}
#endif
