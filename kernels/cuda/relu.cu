// relu: max(x, 0), elementwise.
//
// x [...] → out [...]. Bound by bytes.
//
// NaN stays.

DEVICE C BODY(relu)(C x) { return x > (C)0 || IS_NAN(x) ? x : (C)0; }

#ifndef FUSED
extern "C" __global__ void flowrun_relu(const T *x, T *out, int n) {
    map(out, n, [](C v) { return BODY(relu)(v); }, along(x));
}
#endif
