// rsqrt: 1 / sqrt(x), elementwise.
//
// x [...] → out [...]. Bound by flops.

static inline C BODY(rsqrt)(C x) { return (C)1 / own::sqrt(x); }

#ifndef FUSED
struct arguments {
    int n;
};

kernel void flowrun_rsqrt(device const T *x [[buffer(0)]], device T *out [[buffer(1)]],
                          constant arguments &with [[buffer(2)]], uint i [[thread_position_in_grid]]) {
    if (i < (uint)with.n) {
        STORE(T, out, i, BODY(rsqrt)(LOAD(T, x, i)));
    }
}
#endif
