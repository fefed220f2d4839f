// erf: the error function, elementwise.
//
// x [...] → out [...]. Bound by flops.
//
// OpenCL's own function, which the standard allows 16 units in the last place.

DEVICE C BODY(erf)(C x) { return erf(x); }
