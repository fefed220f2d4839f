// neg: -x, elementwise.
//
// x [...] → out [...]. Bound by bytes.
//
// The least integer stays itself.

DEVICE C BODY(neg)(C x) { return (C)-(W)x; }

#ifndef FUSED
extern "C" __global__ void flowrun_neg(const T *x, T *out, int n) {
    map(out, n, [](C v) { return BODY(neg)(v); }, along(x));
}
#endif
