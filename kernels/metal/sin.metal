// sin: the sine, elementwise.
//
// x [...] → out [...]. Bound by flops.

static inline C BODY(sin)(C x) { return own::sin(x); }

#ifndef FUSED
struct arguments {
    int n;
};

kernel void flowrun_sin(device const T *x [[buffer(0)]], device T *out [[buffer(1)]],
                        constant arguments &with [[buffer(2)]], uint i [[thread_position_in_grid]]) {
    if (i < (uint)with.n) {
        STORE(T, out, i, BODY(sin)(LOAD(T, x, i)));
    }
}
#endif
