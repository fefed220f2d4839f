// gt: whether a is above b, elementwise. False if one is NaN.
//
// a [...], b [...] → out bool, the shape to which both broadcast. Bound by bytes.
DEVICE int BODY(gt)(C a, C b) { return a > b; }
