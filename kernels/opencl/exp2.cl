// exp2: 2 to the x, elementwise.
//
// x [...] → out [...]. Bound by flops.
//
// OpenCL's own function, which the standard allows 3 units in the last place.

DEVICE C BODY(exp2)(C x) { return exp2(x); }
