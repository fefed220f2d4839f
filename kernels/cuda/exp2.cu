// exp2: 2 to the x, elementwise.
//
// x [...] → out [...]. Bound by flops.

DEVICE C BODY(exp2)(C x) { return math::exp2(x); }

#ifndef FUSED
extern "C" __global__ void flowrun_exp2(const T *x, T *out, int n) {
    map(out, n, [](C v) { return BODY(exp2)(v); }, along(x));
}
#endif
