// square: x · x, elementwise.
//
// x [...] → out [...]. Bound by bytes.

static inline C BODY(square)(C x) { return (C)((W)x * (W)x); }

#ifndef FUSED
struct arguments {
    int n;
};

kernel void flowrun_square(device const T *x [[buffer(0)]], device T *out [[buffer(1)]],
                           constant arguments &with [[buffer(2)]], uint i [[thread_position_in_grid]]) {
    if (i < (uint)with.n) {
        STORE(T, out, i, BODY(square)(LOAD(T, x, i)));
    }
}
#endif
