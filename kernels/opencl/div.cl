// div: a / b, elementwise.
//
// a [...], b [...] → out, the shape to which both broadcast. Bound by bytes.
//
// f32: 2.5 units in the last place, but where the device divides correctly.

DEVICE C BODY(div)(C a, C b) { return a / b; }
