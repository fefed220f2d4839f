// isinf: whether x is infinite, elementwise. Integers are all finite.
//
// x [...] → out bool [...]. Bound by bytes.
DEVICE int BODY(isinf)(C x) { return IS_INF(x); }
