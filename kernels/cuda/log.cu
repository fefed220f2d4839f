// log: the natural logarithm, elementwise.
//
// x [...] → out [...]. Bound by flops.

DEVICE C BODY(log)(C x) { return math::log(x); }

#ifndef FUSED
extern "C" __global__ void flowrun_log(const T *x, T *out, int n) {
    map(out, n, [](C v) { return BODY(log)(v); }, along(x));
}
#endif
