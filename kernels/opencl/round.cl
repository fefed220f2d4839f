// round: the nearest integer, halves to even, elementwise; integers as they are.
//
// x [...] → out [...]. Bound by bytes.

#if IS_FLOAT(T)
static inline C BODY(round)(C x) { return rint(x); }
#else
static inline C BODY(round)(C x) { return x; }
#endif

#ifndef FUSED
kernel void flowrun_round(global const T *x, global T *out, int n) {
    int i = get_global_id(0);
    if (i < n) {
        STORE(T, out, i, BODY(round)(LOAD(T, x, i)));
    }
}
#endif
