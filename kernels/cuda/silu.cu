// silu: x · sigmoid(x) = x / (1 + exp(-x)), elementwise.
//
// x [...] → out [...]. Bound by flops.
//
// At -∞ it is NaN, as the formula has it.

DEVICE C BODY(silu)(C x) {
    C e = math::exp(-math::abs(x)); // never overflows
    return x * ((x < (C)0 ? e : (C)1) / ((C)1 + e));
}

#ifndef FUSED
extern "C" __global__ void flowrun_silu(const T *x, T *out, int n) {
    map(out, n, [](C v) { return BODY(silu)(v); }, along(x));
}
#endif
