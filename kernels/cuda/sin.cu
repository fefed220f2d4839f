// sin: the sine, elementwise.
//
// x [...] → out [...]. Bound by flops.

DEVICE C BODY(sin)(C x) { return math::sin(x); }

#ifndef FUSED
extern "C" __global__ void flowrun_sin(const T *x, T *out, int n) {
    map(out, n, [](C v) { return BODY(sin)(v); }, along(x));
}
#endif
