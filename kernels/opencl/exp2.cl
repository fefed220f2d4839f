// exp2: 2 to the x, elementwise. OpenCL's own function, which the standard allows 3
// units in the last place.
//
// x [...] → out [...]. Bound by flops.
DEVICE C BODY(exp2)(C x) { return exp2(x); }
