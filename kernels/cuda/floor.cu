// floor: the largest integer not above x, elementwise; integers as they are.
//
// x [...] → out [...]. Bound by bytes.

#if IS_FLOAT(T)
DEVICE C BODY(floor)(C x) { return math::floor(x); }
#else
DEVICE C BODY(floor)(C x) { return x; }
#endif

#ifndef FUSED
extern "C" __global__ void flowrun_floor(const T *x, T *out, int n) {
    map(out, n, [](C v) { return BODY(floor)(v); }, along(x));
}
#endif
