// elu: x above 0, and alpha·(e^x - 1) below, elementwise.
//
// x [...] → out [...]. Bound by flops.

DEVICE C BODY(elu)(C x, S alpha) { return x > (C)0 ? x : alpha * math::expm1(x); }

#ifndef FUSED
extern "C" __global__ void flowrun_elu(const T *x, T *out, S alpha, int n) {
    map(out, n, [=](C v) { return BODY(elu)(v, alpha); }, along(x));
}
#endif
