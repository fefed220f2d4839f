// reciprocal: 1 / x, elementwise.
//
// x [...] → out [...]. Bound by bytes.
DEVICE C BODY(reciprocal)(C x) { return (C)1 / x; }
