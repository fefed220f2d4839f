// cos: the cosine, elementwise.
//
// x [...] → out [...]. Bound by flops.
//
// OpenCL's own function, which the standard allows 4 units in the last place.

static inline C BODY(cos)(C x) { return cos(x); }

#ifndef FUSED
kernel void flowrun_cos(global const T *x, global T *out, int n) {
    int i = get_global_id(0);
    if (i < n) {
        STORE(T, out, i, BODY(cos)(LOAD(T, x, i)));
    }
}
#endif
