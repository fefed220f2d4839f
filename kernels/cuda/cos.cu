// cos: the cosine, elementwise.
//
// x [...] → out [...]. Bound by flops.

DEVICE C BODY(cos)(C x) { return math::cos(x); }

#ifndef FUSED
extern "C" __global__ void flowrun_cos(const T *x, T *out, int n) {
    map(out, n, [](C v) { return BODY(cos)(v); }, along(x));
}
#endif
