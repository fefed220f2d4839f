// sqrt: the square root, elementwise.
//
// x [...] → out [...]. Bound by bytes.

DEVICE C BODY(sqrt)(C x) { return math::sqrt(x); }

#ifndef FUSED
extern "C" __global__ void flowrun_sqrt(const T *x, T *out, int n) {
    map(out, n, [](C v) { return BODY(sqrt)(v); }, along(x));
}
#endif
