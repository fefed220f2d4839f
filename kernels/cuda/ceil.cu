// ceil: the smallest integer not below x, elementwise; integers as they are.
//
// x [...] → out [...]. Bound by bytes.

#if IS_FLOAT(T)
DEVICE C BODY(ceil)(C x) { return math::ceil(x); }
#else
DEVICE C BODY(ceil)(C x) { return x; }
#endif

#ifndef FUSED
extern "C" __global__ void flowrun_ceil(const T *x, T *out, int n) {
    map(out, n, [](C v) { return BODY(ceil)(v); }, along(x));
}
#endif
