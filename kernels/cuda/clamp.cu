// clamp: x limited to min and max.
//
// x [...] → out [...]. Bound by bytes.
//
// NaN stays. Where min is above max, the result is max.

DEVICE C BODY(clamp)(C x, C low, C high) {
    C v = x < low ? low : x;
    return v > high ? high : v;
}
