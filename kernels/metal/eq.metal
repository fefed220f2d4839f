// eq: whether a equals b, elementwise. False if one is NaN.
//
// a [...], b [...] → out bool, the shape to which both broadcast. Bound by bytes.
DEVICE int BODY(eq)(C a, C b) { return a == b; }
