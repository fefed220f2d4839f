// tanh: the hyperbolic tangent, elementwise.
//
// x [...] → out [...]. Bound by flops.
DEVICE C BODY(tanh)(C x) { return tanh(x); }
