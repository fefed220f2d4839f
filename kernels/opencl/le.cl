// le: whether a is at most b, elementwise.
//
// a [...], b [...] → out bool, the shape to which both broadcast. Bound by bytes.
//
// False if one is NaN.

DEVICE int BODY(le)(C a, C b) { return a <= b; }
