// log2: the logarithm to base 2, elementwise.
//
// x [...] → out [...]. Bound by flops.
DEVICE C BODY(log2)(C x) { return log2(x); }
