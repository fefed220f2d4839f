// exp: e to the x, elementwise.
//
// x [...] → out [...]. Bound by flops.
//
// OpenCL's own function, which the standard allows 3 units in the last place.

static inline C BODY(exp)(C x) { return exp(x); }

#ifndef FUSED
kernel void flowrun_exp(global const T *x, global T *out, int n) {
    int i = get_global_id(0);
    if (i < n) {
        STORE(T, out, i, BODY(exp)(LOAD(T, x, i)));
    }
}
#endif
