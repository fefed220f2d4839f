// log1p: the logarithm of 1 + x, elementwise.
//
// x [...] → out [...]. Bound by flops.

static inline C BODY(log1p)(C x) { return own::log1p(x); }

#ifndef FUSED
struct arguments {
    int n;
};

kernel void flowrun_log1p(device const T *x [[buffer(0)]], device T *out [[buffer(1)]],
                          constant arguments &with [[buffer(2)]], uint i [[thread_position_in_grid]]) {
    if (i < (uint)with.n) {
        STORE(T, out, i, BODY(log1p)(LOAD(T, x, i)));
    }
}
#endif
