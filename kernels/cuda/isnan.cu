// isnan: whether x is NaN, elementwise.
//
// x [...] → out bool [...]. Bound by bytes.
//
// Integers are all finite.

DEVICE int BODY(isnan)(C x) { return IS_NAN(x); }

#ifndef FUSED
extern "C" __global__ void flowrun_isnan(const T *x, b8 *out, int n) {
    map(out, n, [](C v) { return BODY(isnan)(v); }, along(x));
}
#endif
