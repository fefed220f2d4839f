// reciprocal: 1 / x, elementwise.
//
// x [...] → out [...]. Bound by bytes.

static inline C BODY(reciprocal)(C x) { return (C)1 / x; }

#ifndef FUSED
struct arguments {
    int n;
};

kernel void flowrun_reciprocal(device const T *x [[buffer(0)]], device T *out [[buffer(1)]],
                               constant arguments &with [[buffer(2)]], uint i [[thread_position_in_grid]]) {
    if (i < (uint)with.n) {
        STORE(T, out, i, BODY(reciprocal)(LOAD(T, x, i)));
    }
}
#endif
