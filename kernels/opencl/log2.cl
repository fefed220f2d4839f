// log2: the logarithm to base 2, elementwise. OpenCL's own function, which the standard
// allows 3 units in the last place.
//
// x [...] → out [...]. Bound by flops.
DEVICE C BODY(log2)(C x) { return log2(x); }
