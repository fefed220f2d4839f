// elu: x above 0, and alpha·(e^x - 1) below, elementwise.
//
// x [...] → out [...]. Bound by flops.
DEVICE C BODY(elu)(C x, S alpha) { return x > (C)0 ? x : alpha * expm1(x); }
