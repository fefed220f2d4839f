// log1p: the logarithm of 1 + x, elementwise.
//
// x [...] → out [...]. Bound by flops.

DEVICE C BODY(log1p)(C x) { return math::log1p(x); }

#ifndef FUSED
extern "C" __global__ void flowrun_log1p(const T *x, T *out, int n) {
    map(out, n, [](C v) { return BODY(log1p)(v); }, along(x));
}
#endif
