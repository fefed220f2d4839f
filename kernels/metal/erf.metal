// erf: the error function, elementwise.
//
// x [...] → out [...]. Bound by flops.
DEVICE C BODY(erf)(C x) { return erf(x); }
