// tanh: the hyperbolic tangent, elementwise.
//
// x [...] → out [...]. Bound by flops.
//
// OpenCL's own function, which the standard allows 5 units in the last place.

static inline C BODY(tanh)(C x) { return tanh(x); }

#ifndef FUSED
kernel void flowrun_tanh(global const T *x, global T *out, int n) {
    int i = get_global_id(0);
    if (i < n) {
        STORE(T, out, i, BODY(tanh)(LOAD(T, x, i)));
    }
}
#endif
