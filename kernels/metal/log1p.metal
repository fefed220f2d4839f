// log1p: the logarithm of 1 + x, elementwise.
//
// x [...] → out [...]. Bound by flops.
DEVICE C BODY(log1p)(C x) { return log1p(x); }
