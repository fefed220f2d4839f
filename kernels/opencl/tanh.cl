// tanh: the hyperbolic tangent, elementwise.
//
// x [...] → out [...]. Bound by flops.
//
// OpenCL's own function, which the standard allows 5 units in the last place.

DEVICE C BODY(tanh)(C x) { return tanh(x); }
