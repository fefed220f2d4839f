// isfinite: whether x is neither NaN nor infinite, elementwise.
//
// x [...] → out bool [...]. Bound by bytes.
//
// Integers are all finite.

static inline int BODY(isfinite)(C x) { return x - x == (C)0; }

#ifndef FUSED
struct arguments {
    int n;
};

kernel void flowrun_isfinite(device const T *x [[buffer(0)]], device b8 *out [[buffer(1)]],
                             constant arguments &with [[buffer(2)]], uint i [[thread_position_in_grid]]) {
    if (i < (uint)with.n) {
        STORE(b8, out, i, BODY(isfinite)(LOAD(T, x, i)));
    }
}
#endif
