// tanh: the hyperbolic tangent, elementwise. OpenCL's own function, which the standard
// allows 5 units in the last place.
//
// x [...] → out [...]. Bound by flops.
DEVICE C BODY(tanh)(C x) { return tanh(x); }
