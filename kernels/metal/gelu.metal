// gelu: x · Φ(x) = x / 2 · erfc(-x / √2), elementwise. erfc, and not 1 + erf, so that
// nothing cancels for x far below 0.
//
// x [...] → out [...]. Bound by flops.
DEVICE C BODY(gelu)(C x) { return (C)0.5 * x * erfc(x * (C)-0.70710678118654752440); }
