// gelu_tanh: x / 2 · (1 + tanh(√(2/π) · (x + 0.044715 x³))), elementwise.
//
// x [...] → out [...]. Bound by flops.
//
// 1 + tanh(u / 2) = 2 · sigmoid(u), which doesn't cancel below 0.

static inline C BODY(gelu_tanh)(C x) {
    C u = (C)1.5957691216057307117 * (x + (C)0.044715 * x * x * x); // 2·√(2/π)·(…)
    C e = exp(-fabs(u));                                            // never overflows
    return x * ((u < (C)0 ? e : (C)1) / ((C)1 + e));
}

#ifndef FUSED
kernel void flowrun_gelu_tanh(global const T *x, global T *out, int n) {
    int i = get_global_id(0);
    if (i < n) {
        STORE(T, out, i, BODY(gelu_tanh)(LOAD(T, x, i)));
    }
}
#endif
