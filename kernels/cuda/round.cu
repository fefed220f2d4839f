// round: the nearest integer, halves to even, elementwise; integers as they are.
//
// x [...] → out [...]. Bound by bytes.

#if IS_FLOAT(T)
DEVICE C BODY(round)(C x) { return math::rint(x); }
#else
DEVICE C BODY(round)(C x) { return x; }
#endif

#ifndef FUSED
extern "C" __global__ void flowrun_round(const T *x, T *out, int n) {
    map(out, n, [](C v) { return BODY(round)(v); }, along(x));
}
#endif
