// sign: -1, 0 or 1 by the sign of x, elementwise.
//
// x [...] → out [...]. Bound by bytes.
//
// 0 for NaN.

static inline C BODY(sign)(C x) { return (C)((x > (C)0) - (x < (C)0)); }

#ifndef FUSED
struct arguments {
    int n;
};

kernel void flowrun_sign(device const T *x [[buffer(0)]], device T *out [[buffer(1)]],
                         constant arguments &with [[buffer(2)]], uint i [[thread_position_in_grid]]) {
    if (i < (uint)with.n) {
        STORE(T, out, i, BODY(sign)(LOAD(T, x, i)));
    }
}
#endif
