// sub: a - b, elementwise. Integers wrap around.
//
// a [...], b [...] → out, the shape to which both broadcast. Bound by bytes.
DEVICE C BODY(sub)(C a, C b) { return (C)((W)a - (W)b); }
