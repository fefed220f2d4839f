// sqrt: the square root, elementwise.
//
// x [...] → out [...]. Bound by bytes.
DEVICE C BODY(sqrt)(C x) { return sqrt(x); }
