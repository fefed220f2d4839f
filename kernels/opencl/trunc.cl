// trunc: x without its fraction, elementwise; integers as they are.
//
// x [...] → out [...]. Bound by bytes.

#if IS_FLOAT(T)
static inline C BODY(trunc)(C x) { return trunc(x); }
#else
static inline C BODY(trunc)(C x) { return x; }
#endif

#ifndef FUSED
kernel void flowrun_trunc(global const T *x, global T *out, int n) {
    int i = get_global_id(0);
    if (i < n) {
        STORE(T, out, i, BODY(trunc)(LOAD(T, x, i)));
    }
}
#endif
