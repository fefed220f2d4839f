// tan: the tangent, elementwise.
//
// x [...] → out [...]. Bound by flops.

DEVICE C BODY(tan)(C x) { return math::tan(x); }

#ifndef FUSED
extern "C" __global__ void flowrun_tan(const T *x, T *out, int n) {
    map(out, n, [](C v) { return BODY(tan)(v); }, along(x));
}
#endif
