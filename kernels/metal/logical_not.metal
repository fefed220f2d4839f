// logical_not: whether x is 0, elementwise.
//
// x [...] → out bool [...]. Bound by bytes.

static inline int BODY(logical_not)(C x) { return x == (C)0; }

#ifndef FUSED
struct arguments {
    int n;
};

kernel void flowrun_logical_not(device const T *x [[buffer(0)]], device b8 *out [[buffer(1)]],
                                constant arguments &with [[buffer(2)]], uint i [[thread_position_in_grid]]) {
    if (i < (uint)with.n) {
        STORE(b8, out, i, BODY(logical_not)(LOAD(T, x, i)));
    }
}
#endif
