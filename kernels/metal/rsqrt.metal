// rsqrt: 1 / sqrt(x), elementwise.
//
// x [...] → out [...]. Bound by flops.
DEVICE C BODY(rsqrt)(C x) { return (C)1 / sqrt(x); }
