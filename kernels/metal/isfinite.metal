// isfinite: whether x is neither NaN nor infinite, elementwise. Integers are all
// finite.
//
// x [...] → out bool [...]. Bound by bytes.
DEVICE int BODY(isfinite)(C x) { return x - x == (C)0; }
