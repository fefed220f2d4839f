// div: a / b, elementwise.
//
// a [...], b [...] → out, the shape to which both broadcast. Bound by bytes.
DEVICE C BODY(div)(C a, C b) { return a / b; }
