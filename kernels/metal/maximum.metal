// maximum: the larger of a and b, elementwise.
//
// a [...], b [...] → out, the shape to which both broadcast. Bound by bytes.
//
// NaN if one is NaN.

DEVICE C BODY(maximum)(C a, C b) { return a > b || IS_NAN(a) ? a : b; }
