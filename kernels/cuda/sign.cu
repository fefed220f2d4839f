// sign: -1, 0 or 1 by the sign of x, elementwise.
//
// x [...] → out [...]. Bound by bytes.
//
// 0 for NaN.

DEVICE C BODY(sign)(C x) { return (C)((x > (C)0) - (x < (C)0)); }

#ifndef FUSED
extern "C" __global__ void flowrun_sign(const T *x, T *out, int n) {
    map(out, n, [](C v) { return BODY(sign)(v); }, along(x));
}
#endif
