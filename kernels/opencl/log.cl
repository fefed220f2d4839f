// log: the natural logarithm, elementwise. OpenCL's own function, which the standard
// allows 3 units in the last place.
//
// x [...] → out [...]. Bound by flops.
DEVICE C BODY(log)(C x) { return log(x); }
