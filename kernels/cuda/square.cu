// square: x · x, elementwise.
//
// x [...] → out [...]. Bound by bytes.

DEVICE C BODY(square)(C x) { return (C)((W)x * (W)x); }

#ifndef FUSED
extern "C" __global__ void flowrun_square(const T *x, T *out, int n) {
    map(out, n, [](C v) { return BODY(square)(v); }, along(x));
}
#endif
