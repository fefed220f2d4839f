// expm1: e to the x, minus 1, elementwise.
//
// x [...] → out [...]. Bound by flops.

DEVICE C BODY(expm1)(C x) { return math::expm1(x); }

#ifndef FUSED
extern "C" __global__ void flowrun_expm1(const T *x, T *out, int n) {
    map(out, n, [](C v) { return BODY(expm1)(v); }, along(x));
}
#endif
