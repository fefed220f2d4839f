// tan: the tangent, elementwise.
//
// x [...] → out [...]. Bound by flops.
//
// OpenCL's own function, which the standard allows 5 units in the last place.

static inline C BODY(tan)(C x) { return tan(x); }

#ifndef FUSED
kernel void flowrun_tan(global const T *x, global T *out, int n) {
    int i = get_global_id(0);
    if (i < n) {
        STORE(T, out, i, BODY(tan)(LOAD(T, x, i)));
    }
}
#endif
