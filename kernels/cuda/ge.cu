// ge: whether a is at least b, elementwise.
//
// a [...], b [...] → out bool, the shape to which both broadcast. Bound by bytes.
//
// False if one is NaN.

DEVICE int BODY(ge)(C a, C b) { return a >= b; }
