// expm1: e to the x, minus 1, elementwise. OpenCL's own function, which the standard
// allows 3 units in the last place.
//
// x [...] → out [...]. Bound by flops.
DEVICE C BODY(expm1)(C x) { return expm1(x); }
