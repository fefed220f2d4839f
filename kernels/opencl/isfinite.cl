// isfinite: whether x is neither NaN nor infinite, elementwise.
//
// x [...] → out bool [...]. Bound by bytes.
//
// Integers are all finite.

static inline int BODY(isfinite)(C x) { return x - x == (C)0; }

#ifndef FUSED
kernel void flowrun_isfinite(global const T *x, global b8 *out, int n) {
    int i = get_global_id(0);
    if (i < n) {
        STORE(b8, out, i, BODY(isfinite)(LOAD(T, x, i)));
    }
}
#endif
