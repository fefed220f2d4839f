// isnan: whether x is NaN, elementwise. Integers are all finite.
//
// x [...] → out bool [...]. Bound by bytes.
DEVICE int BODY(isnan)(C x) { return IS_NAN(x); }
