// trunc: x without its fraction, elementwise; integers as they are.
//
// x [...] → out [...]. Bound by bytes.

#if IS_FLOAT(T)
DEVICE C BODY(trunc)(C x) { return math::trunc(x); }
#else
DEVICE C BODY(trunc)(C x) { return x; }
#endif

#ifndef FUSED
extern "C" __global__ void flowrun_trunc(const T *x, T *out, int n) {
    map(out, n, [](C v) { return BODY(trunc)(v); }, along(x));
}
#endif
