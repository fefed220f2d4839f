// sigmoid: 1 / (1 + exp(-x)), elementwise.
//
// x [...] → out [...]. Bound by flops.
DEVICE C BODY(sigmoid)(C x) {
    C e = exp(-fabs(x)); // never overflows
    return (x < (C)0 ? e : (C)1) / ((C)1 + e);
}
