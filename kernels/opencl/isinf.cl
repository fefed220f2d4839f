// isinf: whether x is infinite, elementwise.
//
// x [...] → out bool [...]. Bound by bytes.
//
// Integers are all finite.

DEVICE int BODY(isinf)(C x) { return IS_INF(x); }
