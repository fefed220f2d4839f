// sigmoid: 1 / (1 + exp(-x)), elementwise.
//
// x [...] → out [...]. Bound by flops.

DEVICE C BODY(sigmoid)(C x) {
    C e = math::exp(-math::abs(x)); // never overflows
    return (x < (C)0 ? e : (C)1) / ((C)1 + e);
}

#ifndef FUSED
extern "C" __global__ void flowrun_sigmoid(const T *x, T *out, int n) {
    map(out, n, [](C v) { return BODY(sigmoid)(v); }, along(x));
}
#endif
