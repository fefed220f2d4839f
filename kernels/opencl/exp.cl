// exp: e to the x, elementwise.
//
// x [...] → out [...]. Bound by flops.
//
// OpenCL's own function, which the standard allows 3 units in the last place.

DEVICE C BODY(exp)(C x) { return exp(x); }
