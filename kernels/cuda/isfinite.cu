// isfinite: whether x is neither NaN nor infinite, elementwise.
//
// x [...] → out bool [...]. Bound by bytes.
//
// Integers are all finite.

DEVICE int BODY(isfinite)(C x) { return x - x == (C)0; }
