// expm1: e to the x, minus 1, elementwise.
//
// x [...] → out [...]. Bound by flops.
DEVICE C BODY(expm1)(C x) { return expm1(x); }
