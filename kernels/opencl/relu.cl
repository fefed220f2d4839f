// relu: max(x, 0), elementwise.
//
// x [...] → out [...]. Bound by bytes.
//
// NaN stays.

DEVICE C BODY(relu)(C x) { return x > (C)0 || IS_NAN(x) ? x : (C)0; }
