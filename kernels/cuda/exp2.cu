// exp2: 2 to the x, elementwise.
//
// x [...] → out [...]. Bound by flops.
DEVICE C BODY(exp2)(C x) { return exp2(x); }
