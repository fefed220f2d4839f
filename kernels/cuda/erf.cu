// erf: the error function, elementwise.
//
// x [...] → out [...]. Bound by flops.

DEVICE C BODY(erf)(C x) { return math::erf(x); }

#ifndef FUSED
extern "C" __global__ void flowrun_erf(const T *x, T *out, int n) {
    map(out, n, [](C v) { return BODY(erf)(v); }, along(x));
}
#endif
