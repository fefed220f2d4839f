// ne: whether a differs from b, elementwise. Every number differs from NaN, and so does
// NaN.
//
// a [...], b [...] → out bool, the shape to which both broadcast. Bound by bytes.
DEVICE int BODY(ne)(C a, C b) { return a != b; }
