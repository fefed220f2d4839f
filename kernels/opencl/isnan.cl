// isnan: whether x is NaN, elementwise.
//
// x [...] → out bool [...]. Bound by bytes.
//
// Integers are all finite.

static inline int BODY(isnan)(C x) { return IS_NAN(x); }

#ifndef FUSED
kernel void flowrun_isnan(global const T *x, global b8 *out, int n) {
    int i = get_global_id(0);
    if (i < n) {
        STORE(b8, out, i, BODY(isnan)(LOAD(T, x, i)));
    }
}
#endif
