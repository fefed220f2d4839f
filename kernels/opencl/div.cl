// div: a / b, elementwise. f32: 2.5 units in the last place, but where the device
// divides correctly.
//
// a [...], b [...] → out, the shape to which both broadcast. Bound by bytes.
DEVICE C BODY(div)(C a, C b) { return a / b; }
