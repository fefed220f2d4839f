// relu: max(x, 0), elementwise. NaN stays.
//
// x [...] → out [...]. Bound by bytes.
DEVICE C BODY(relu)(C x) { return x > (C)0 || IS_NAN(x) ? x : (C)0; }
