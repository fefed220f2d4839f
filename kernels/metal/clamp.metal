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
struct arguments {
    C min, max;
    int n;
};

kernel void flowrun_clamp(device const T *x [[buffer(0)]], device T *out [[buffer(1)]],
                          constant arguments &with [[buffer(2)]], uint i [[thread_position_in_grid]]) {
    if (i < (uint)with.n) {
        STORE(T, out, i, BODY(clamp)(LOAD(T, x, i), with.min, with.max));
    }
}
#endif
