// rsqrt: 1 / sqrt(x), elementwise.
//
// x [...] → out [...]. Bound by flops.
//
// OpenCL's own function, which the standard allows 2 units in the last place.

static inline C BODY(rsqrt)(C x) { return rsqrt(x); }

#ifndef FUSED
kernel void flowrun_rsqrt(global const T *x, global T *out, int n) {
    int i = get_global_id(0);
    if (i < n) {
        STORE(T, out, i, BODY(rsqrt)(LOAD(T, x, i)));
    }
}
#endif
