// erf: the error function, elementwise. OpenCL's own function, which the standard
// allows 16 units in the last place.
//
// x [...] → out [...]. Bound by flops.
DEVICE C BODY(erf)(C x) { return erf(x); }
