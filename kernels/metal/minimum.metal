// minimum: the smaller of a and b, elementwise. NaN if one is NaN.
//
// a [...], b [...] → out, the shape to which both broadcast. Bound by bytes.
DEVICE C BODY(minimum)(C a, C b) { return a < b || IS_NAN(a) ? a : b; }
