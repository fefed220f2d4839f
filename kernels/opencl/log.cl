// log: the natural logarithm, elementwise.
//
// x [...] → out [...]. Bound by flops.
//
// OpenCL's own function, which the standard allows 3 units in the last place.

DEVICE C BODY(log)(C x) { return log(x); }
