// leaky_relu: x above 0, and negative_slope·x below.
//
// x [...] → out [...]. Bound by bytes.

DEVICE C BODY(leaky_relu)(C x, S negative_slope) { return x > (C)0 ? x : negative_slope * x; }

#ifndef FUSED
extern "C" __global__ void flowrun_leaky_relu(const T *x, T *out, S negative_slope, int n) {
    map(out, n, [=](C v) { return BODY(leaky_relu)(v, negative_slope); }, along(x));
}
#endif
