// maximum: the larger of a and b, elementwise. NaN if one is NaN.
//
// a [...], b [...] → out, the shape to which both broadcast. Bound by bytes.
DEVICE C BODY(maximum)(C a, C b) { return a > b || IS_NAN(a) ? a : b; }
