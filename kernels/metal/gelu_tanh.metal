// gelu_tanh: x / 2 · (1 + tanh(√(2/π) · (x + 0.044715 x³))), elementwise.
//
// x [...] → out [...]. Bound by flops.
//
// 1 + tanh(u / 2) = 2 · sigmoid(u), which doesn't cancel below 0.

static inline C BODY(gelu_tanh)(C x) {
    C u = (C)1.5957691216057307117 * (x + (C)0.044715 * x * x * x); // 2·√(2/π)·(…)
    C e = own::exp(-own::abs(u));                                // never overflows
    return x * ((u < (C)0 ? e : (C)1) / ((C)1 + e));
}

#ifndef FUSED
struct arguments {
    int n;
};

kernel void flowrun_gelu_tanh(device const T *x [[buffer(0)]], device T *out [[buffer(1)]],
                              constant arguments &with [[buffer(2)]], uint i [[thread_position_in_grid]]) {
    if (i < (uint)with.n) {
        STORE(T, out, i, BODY(gelu_tanh)(LOAD(T, x, i)));
    }
}
#endif
