// sin: the sine, elementwise. OpenCL's own function, which the standard allows 4 units
// in the last place.
//
// x [...] → out [...]. Bound by flops.
DEVICE C BODY(sin)(C x) { return sin(x); }
