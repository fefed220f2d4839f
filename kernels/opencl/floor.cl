// floor: the largest integer not above x, elementwise; integers as they are.
//
// x [...] → out [...]. Bound by bytes.

#if IS_FLOAT(T)
static inline C BODY(floor)(C x) { return floor(x); }
#else
static inline C BODY(floor)(C x) { return x; }
#endif

#ifndef FUSED
kernel void flowrun_floor(global const T *x, global T *out, int n) {
    int i = get_global_id(0);
    if (i < n) {
        STORE(T, out, i, BODY(floor)(LOAD(T, x, i)));
    }
}
#endif
