// sign: -1, 0 or 1 by the sign of x, elementwise. 0 for NaN.
//
// x [...] → out [...]. Bound by bytes.
DEVICE C BODY(sign)(C x) { return (C)((x > (C)0) - (x < (C)0)); }
