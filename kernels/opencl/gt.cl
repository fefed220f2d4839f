// gt: whether a is above b, elementwise.
//
// a [...], b [...] → out bool, the shape to which both broadcast. Bound by bytes.
//
// False if one is NaN.

DEVICE int BODY(gt)(C a, C b) { return a > b; }
