// silu: x · sigmoid(x) = x / (1 + exp(-x)), elementwise. At -∞ it is NaN, as the
// formula has it.
//
// x [...] → out [...]. Bound by flops.
DEVICE C BODY(silu)(C x) {
    C e = exp(-fabs(x)); // never overflows
    return x * ((x < (C)0 ? e : (C)1) / ((C)1 + e));
}
