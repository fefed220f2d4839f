// rsqrt: 1 / sqrt(x), elementwise.
//
// x [...] → out [...]. Bound by flops.
//
// OpenCL's own function, which the standard allows 2 units in the last place.

DEVICE C BODY(rsqrt)(C x) { return rsqrt(x); }
