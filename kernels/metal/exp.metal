// exp: e to the x, elementwise.
//
// x [...] → out [...]. Bound by flops.
DEVICE C BODY(exp)(C x) { return exp(x); }
