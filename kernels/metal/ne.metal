// ne: whether a differs from b, elementwise.
//
// a [...], b [...] → out bool, the shape to which both broadcast. Bound by bytes.
//
// Every number differs from NaN, and so does NaN.

DEVICE int BODY(ne)(C a, C b) { return a != b; }
