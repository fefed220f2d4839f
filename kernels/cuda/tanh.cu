// tanh: the hyperbolic tangent, elementwise.
//
// x [...] → out [...]. Bound by flops.

DEVICE C BODY(tanh)(C x) { return math::tanh(x); }

#ifndef FUSED
extern "C" __global__ void flowrun_tanh(const T *x, T *out, int n) {
    map(out, n, [](C v) { return BODY(tanh)(v); }, along(x));
}
#endif
