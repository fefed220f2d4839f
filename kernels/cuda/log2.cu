// log2: the logarithm to base 2, elementwise.
//
// x [...] → out [...]. Bound by flops.

DEVICE C BODY(log2)(C x) { return math::log2(x); }

#ifndef FUSED
extern "C" __global__ void flowrun_log2(const T *x, T *out, int n) {
    map(out, n, [](C v) { return BODY(log2)(v); }, along(x));
}
#endif
