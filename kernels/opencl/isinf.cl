// isinf: whether x is infinite, elementwise.
//
// x [...] → out bool [...]. Bound by bytes.
//
// Integers are all finite.

static inline int BODY(isinf)(C x) { return !IS_NAN(x) && x - x != (C)0; }

#ifndef FUSED
kernel void flowrun_isinf(global const T *x, global b8 *out, int n) {
    int i = get_global_id(0);
    if (i < n) {
        STORE(b8, out, i, BODY(isinf)(LOAD(T, x, i)));
    }
}
#endif
