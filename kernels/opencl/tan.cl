// tan: the tangent, elementwise. OpenCL's own function, which the standard allows 5
// units in the last place.
//
// x [...] → out [...]. Bound by flops.
DEVICE C BODY(tan)(C x) { return tan(x); }
