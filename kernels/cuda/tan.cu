// tan: the tangent, elementwise.
//
// x [...] → out [...]. Bound by flops.
DEVICE C BODY(tan)(C x) { return tan(x); }
