// log: the natural logarithm, elementwise.
//
// x [...] → out [...]. Bound by flops.
DEVICE C BODY(log)(C x) { return log(x); }
