// abs: the absolute value, elementwise.
//
// x [...] → out [...]. Bound by bytes.
//
// The least integer stays itself.

#if IS_FLOAT(T)
static inline C BODY(abs)(C x) { return fabs(x); }
#else
static inline C BODY(abs)(C x) { return (C)abs(x); }
#endif

#ifndef FUSED
kernel void flowrun_abs(global const T *x, global T *out, int n) {
    int i = get_global_id(0);
    if (i < n) {
        STORE(T, out, i, BODY(abs)(LOAD(T, x, i)));
    }
}
#endif
