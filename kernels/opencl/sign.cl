// sign: -1, 0 or 1 by the sign of x, elementwise.
//
// x [...] → out [...]. Bound by bytes.
//
// 0 for NaN.

static inline C BODY(sign)(C x) { return (C)((x > (C)0) - (x < (C)0)); }

#ifndef FUSED
kernel void flowrun_sign(global const T *x, global T *out, int n) {
    int i = get_global_id(0);
    if (i < n) {
        STORE(T, out, i, BODY(sign)(LOAD(T, x, i)));
    }
}
#endif
