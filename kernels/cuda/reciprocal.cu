// reciprocal: 1 / x, elementwise.
//
// x [...] → out [...]. Bound by bytes.

DEVICE C BODY(reciprocal)(C x) { return (C)1 / x; }

#ifndef FUSED
extern "C" __global__ void flowrun_reciprocal(const T *x, T *out, int n) {
    map(out, n, [](C v) { return BODY(reciprocal)(v); }, along(x));
}
#endif
