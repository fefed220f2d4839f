// rsqrt: 1 / sqrt(x), elementwise.
//
// x [...] → out [...]. Bound by flops.

DEVICE C BODY(rsqrt)(C x) { return (C)1 / math::sqrt(x); }

#ifndef FUSED
extern "C" __global__ void flowrun_rsqrt(const T *x, T *out, int n) {
    map(out, n, [](C v) { return BODY(rsqrt)(v); }, along(x));
}
#endif
