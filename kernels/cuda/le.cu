// le: whether a is at most b, elementwise. False if one is NaN.
//
// a [...], b [...] → out bool, the shape to which both broadcast. Bound by bytes.
DEVICE int BODY(le)(C a, C b) { return a <= b; }
