// sin: the sine, elementwise.
//
// x [...] → out [...]. Bound by flops.
//
// OpenCL's own function, which the standard allows 4 units in the last place.

static inline C BODY(sin)(C x) { return sin(x); }

#ifndef FUSED
kernel void flowrun_sin(global const T *x, global T *out, int n) {
    int i = get_global_id(0);
    if (i < n) {
        STORE(T, out, i, BODY(sin)(LOAD(T, x, i)));
    }
}
#endif
