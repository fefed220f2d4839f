// isnan: whether x is NaN, elementwise.
//
// x [...] → out bool [...]. Bound by bytes.
//
// Integers are all finite.

static inline int BODY(isnan)(C x) { return IS_NAN(x); }

#ifndef FUSED
struct arguments {
    int n;
};

kernel void flowrun_isnan(device const T *x [[buffer(0)]], device b8 *out [[buffer(1)]],
                          constant arguments &with [[buffer(2)]], uint i [[thread_position_in_grid]]) {
    if (i < (uint)with.n) {
        STORE(b8, out, i, BODY(isnan)(LOAD(T, x, i)));
    }
}
#endif
