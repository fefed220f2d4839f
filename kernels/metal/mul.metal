// mul: a · b, elementwise.
//
// a [...], b [...] → out, the shape to which both broadcast. Bound by bytes.
//
// Integers wrap around.

DEVICE C BODY(mul)(C a, C b) { return (C)((W)a * (W)b); }
