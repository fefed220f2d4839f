// log2: the logarithm to base 2, elementwise.
//
// x [...] → out [...]. Bound by flops.

static inline C BODY(log2)(C x) { return own::log2(x); }

#ifndef FUSED
struct arguments {
    int n;
};

kernel void flowrun_log2(device const T *x [[buffer(0)]], device T *out [[buffer(1)]],
                         constant arguments &with [[buffer(2)]], uint i [[thread_position_in_grid]]) {
    if (i < (uint)with.n) {
        STORE(T, out, i, BODY(log2)(LOAD(T, x, i)));
    }
}
#endif
