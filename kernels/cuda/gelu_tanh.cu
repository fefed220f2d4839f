// gelu_tanh: x / 2 · (1 + tanh(√(2/π) · (x + 0.044715 x³))), elementwise.
//
// x [...] → out [...]. Bound by flops.
//
// 1 + tanh(u / 2) = 2 · sigmoid(u), which doesn't cancel below 0.

DEVICE C BODY(gelu_tanh)(C x) {
    C u = (C)1.5957691216057307117 * (x + (C)0.044715 * x * x * x); // 2·√(2/π)·(…)
    C e = math::exp(-math::abs(u));                                // never overflows
    return x * ((u < (C)0 ? e : (C)1) / ((C)1 + e));
}

#ifndef FUSED
extern "C" __global__ void flowrun_gelu_tanh(const T *x, T *out, int n) {
    map(out, n, [](C v) { return BODY(gelu_tanh)(v); }, along(x));
}
#endif
