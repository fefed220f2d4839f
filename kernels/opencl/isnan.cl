// isnan: whether x is NaN, elementwise.
//
// x [...] → out bool [...]. Bound by bytes.
//
// Integers are all finite.

DEVICE int BODY(isnan)(C x) { return IS_NAN(x); }
