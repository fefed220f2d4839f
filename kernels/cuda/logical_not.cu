// logical_not: whether x is 0, elementwise.
//
// x [...] → out bool [...]. Bound by bytes.

DEVICE int BODY(logical_not)(C x) { return x == (C)0; }

#ifndef FUSED
extern "C" __global__ void flowrun_logical_not(const T *x, b8 *out, int n) {
    map(out, n, [](C v) { return BODY(logical_not)(v); }, along(x));
}
#endif
