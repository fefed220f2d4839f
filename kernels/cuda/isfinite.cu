// isfinite: whether x is neither NaN nor infinite, elementwise.
//
// x [...] → out bool [...]. Bound by bytes.
//
// Integers are all finite.

DEVICE int BODY(isfinite)(C x) { return x - x == (C)0; }

#ifndef FUSED
extern "C" __global__ void flowrun_isfinite(const T *x, b8 *out, int n) {
    map(out, n, [](C v) { return BODY(isfinite)(v); }, along(x));
}
#endif
