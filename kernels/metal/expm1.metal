// expm1: e to the x, minus 1, elementwise.
//
// x [...] → out [...]. Bound by flops.

static inline C BODY(expm1)(C x) { return own::expm1(x); }

#ifndef FUSED
struct arguments {
    int n;
};

kernel void flowrun_expm1(device const T *x [[buffer(0)]], device T *out [[buffer(1)]],
                          constant arguments &with [[buffer(2)]], uint i [[thread_position_in_grid]]) {
    if (i < (uint)with.n) {
        STORE(T, out, i, BODY(expm1)(LOAD(T, x, i)));
    }
}
#endif
