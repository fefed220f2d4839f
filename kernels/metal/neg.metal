// neg: -x, elementwise. The least integer stays itself.
//
// x [...] → out [...]. Bound by bytes.
DEVICE C BODY(neg)(C x) { return (C)-(W)x; }
