// neg: -x, elementwise.
//
// x [...] → out [...]. Bound by bytes.
//
// The least integer stays itself.

DEVICE C BODY(neg)(C x) { return (C)-(W)x; }
