// exp: e to the x, elementwise.
//
// x [...] → out [...]. Bound by flops.

DEVICE C BODY(exp)(C x) { return math::exp(x); }

#ifndef FUSED
extern "C" __global__ void flowrun_exp(const T *x, T *out, int n) {
    map(out, n, [](C v) { return BODY(exp)(v); }, along(x));
}
#endif
