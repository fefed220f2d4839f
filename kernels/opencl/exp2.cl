// exp2: 2 to the x, elementwise.
//
// x [...] → out [...]. Bound by flops.
//
// OpenCL's own function, which the standard allows 3 units in the last place.

static inline C BODY(exp2)(C x) { return exp2(x); }

#ifndef FUSED
kernel void flowrun_exp2(global const T *x, global T *out, int n) {
    int i = get_global_id(0);
    if (i < n) {
        STORE(T, out, i, BODY(exp2)(LOAD(T, x, i)));
    }
}
#endif
