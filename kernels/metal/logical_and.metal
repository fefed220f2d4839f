// logical_and: whether both are not 0, elementwise. NaN is not 0.
//
// a [...], b [...] → out bool, the shape to which both broadcast. Bound by bytes.
DEVICE int BODY(logical_and)(C a, C b) { return a != (C)0 && b != (C)0; }
