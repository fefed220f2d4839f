// sin: the sine, elementwise.
//
// x [...] → out [...]. Bound by flops.
DEVICE C BODY(sin)(C x) { return sin(x); }
