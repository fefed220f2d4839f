// abs: the absolute value, elementwise.
//
// x [...] → out [...]. Bound by bytes.
//
// The least integer stays itself.

#if IS_FLOAT(T)
DEVICE C BODY(abs)(C x) { return math::abs(x); }
#else
DEVICE C BODY(abs)(C x) { return x < (C)0 ? (C)-(W)x : x; }
#endif

#ifndef FUSED
extern "C" __global__ void flowrun_abs(const T *x, T *out, int n) {
    map(out, n, [](C v) { return BODY(abs)(v); }, along(x));
}
#endif
