// elu: x above 0, and alpha·(e^x - 1) below, elementwise.
//
// x [...] → out [...]. Bound by flops.

static inline C BODY(elu)(C x, S alpha) { return x > (C)0 ? x : alpha * own::expm1(x); }

#ifndef FUSED
struct arguments {
    S alpha;
    int n;
};

kernel void flowrun_elu(device const T *x [[buffer(0)]], device T *out [[buffer(1)]],
                        constant arguments &with [[buffer(2)]], uint i [[thread_position_in_grid]]) {
    if (i < (uint)with.n) {
        STORE(T, out, i, BODY(elu)(LOAD(T, x, i), with.alpha));
    }
}
#endif
