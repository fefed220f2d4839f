// add: a + b, elementwise. Integers wrap around.
//
// a [...], b [...] → out, the shape to which both broadcast. Bound by bytes.
DEVICE C BODY(add)(C a, C b) { return (C)((W)a + (W)b); }
