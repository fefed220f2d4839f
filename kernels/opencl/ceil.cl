// ceil: the smallest integer not below x, elementwise; integers as they are.
//
// x [...] → out [...]. Bound by bytes.

#if IS_FLOAT(T)
static inline C BODY(ceil)(C x) { return ceil(x); }
#else
static inline C BODY(ceil)(C x) { return x; }
#endif

#ifndef FUSED
kernel void flowrun_ceil(global const T *x, global T *out, int n) {
    int i = get_global_id(0);
    if (i < n) {
        STORE(T, out, i, BODY(ceil)(LOAD(T, x, i)));
    }
}
#endif
