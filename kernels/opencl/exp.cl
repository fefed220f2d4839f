// exp: e to the x, elementwise. OpenCL's own function, which the standard allows 3
// units in the last place.
//
// x [...] → out [...]. Bound by flops.
DEVICE C BODY(exp)(C x) { return exp(x); }
