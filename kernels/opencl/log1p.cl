// log1p: the logarithm of 1 + x, elementwise.
//
// x [...] → out [...]. Bound by flops.
//
// OpenCL's own function, which the standard allows 2 units in the last place.

DEVICE C BODY(log1p)(C x) { return log1p(x); }
