// gelu_tanh: x / 2 · (1 + tanh(√(2/π) · (x + 0.044715 x³))), elementwise. 1 + tanh(u /
// 2) = 2 · sigmoid(u), which doesn't cancel below 0.
//
// x [...] → out [...]. Bound by flops.
DEVICE C BODY(gelu_tanh)(C x) {
    C u = (C)1.5957691216057307117 * (x + (C)0.044715 * x * x * x); // 2·√(2/π)·(…)
    C e = exp(-fabs(u)); // never overflows
    return x * ((u < (C)0 ? e : (C)1) / ((C)1 + e));
}
