// erf: the error function, elementwise.
//
// x [...] → out [...]. Bound by flops.
//
// OpenCL's own function, which the standard allows 16 units in the last place.

static inline C BODY(erf)(C x) { return erf(x); }

#ifndef FUSED
kernel void flowrun_erf(global const T *x, global T *out, int n) {
    int i = get_global_id(0);
    if (i < n) {
        STORE(T, out, i, BODY(erf)(LOAD(T, x, i)));
    }
}
#endif
