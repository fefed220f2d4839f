// log1p: the logarithm of 1 + x, elementwise. OpenCL's own function, which the standard
// allows 2 units in the last place.
//
// x [...] → out [...]. Bound by flops.
DEVICE C BODY(log1p)(C x) { return log1p(x); }
