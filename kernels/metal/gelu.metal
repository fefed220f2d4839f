// gelu: x · Φ(x) = x / 2 · erfc(-x / √2), elementwise.
//
// x [...] → out [...]. Bound by flops.
//
// erfc, and not 1 + erf, so that nothing cancels for x far below 0.

static inline C BODY(gelu)(C x) { return (C)0.5 * x * own::erfc(x * (C)-0.70710678118654752440); }

#ifndef FUSED
struct arguments {
    int n;
};

kernel void flowrun_gelu(device const T *x [[buffer(0)]], device T *out [[buffer(1)]],
                         constant arguments &with [[buffer(2)]], uint i [[thread_position_in_grid]]) {
    if (i < (uint)with.n) {
        STORE(T, out, i, BODY(gelu)(LOAD(T, x, i)));
    }
}
#endif
