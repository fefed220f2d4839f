// clamp: x limited to min and max. NaN stays. Where min is above max, the result is
// max.
//
// x [...] → out [...]. Bound by bytes.
DEVICE C BODY(clamp)(C x, C low, C high) {
    C v = x < low ? low : x;
    return v > high ? high : v;
}
