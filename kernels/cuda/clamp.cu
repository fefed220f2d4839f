// clamp: x limited to min and max.
//
// x [...] → out [...]. Bound by bytes.
//
// NaN stays. Where min is above max, the result is max.

DEVICE C BODY(clamp)(C x, C low, C high) {
    C v = x < low ? low : x;
    return v > high ? high : v;
}

#ifndef FUSED
extern "C" __global__ void flowrun_clamp(const T *x, T *out, C min, C max, int n) {
    map(out, n, [=](C v) { return BODY(clamp)(v, min, max); }, along(x));
}
#endif
