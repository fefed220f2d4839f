// isinf: whether x is infinite, elementwise.
//
// x [...] → out bool [...]. Bound by bytes.
//
// Integers are all finite.

DEVICE int BODY(isinf)(C x) { return !IS_NAN(x) && x - x != (C)0; }

#ifndef FUSED
extern "C" __global__ void flowrun_isinf(const T *x, b8 *out, int n) {
    map(out, n, [](C v) { return BODY(isinf)(v); }, along(x));
}
#endif
