// clamp: x limited to min and max.
//
// x [...] → out [...]. Bound by bytes.
//
// NaN stays. Where min is above max, the result is max.

static inline C BODY(clamp)(C x, C low, C high) {
    C v = x < low ? low : x;
    return v > high ? high : v;
}

#ifndef FUSED
kernel void flowrun_clamp(global const T *x, global T *out, C min, C max, int n) {
    int i = get_global_id(0);
    if (i < n) {
        STORE(T, out, i, BODY(clamp)(LOAD(T, x, i), min, max));
    }
}
#endif
