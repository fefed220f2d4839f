// sin: the sine, elementwise.
//
// x [...] → out [...]. Bound by flops.
//
// OpenCL's own function, which the standard allows 4 units in the last place.

DEVICE C BODY(sin)(C x) { return sin(x); }
