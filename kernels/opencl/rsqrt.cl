// rsqrt: 1 / sqrt(x), elementwise. OpenCL's own function, which the standard allows 2
// units in the last place.
//
// x [...] → out [...]. Bound by flops.
DEVICE C BODY(rsqrt)(C x) { return rsqrt(x); }
