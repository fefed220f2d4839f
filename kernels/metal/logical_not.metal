// logical_not: whether x is 0, elementwise.
//
// x [...] → out bool [...]. Bound by bytes.
DEVICE int BODY(logical_not)(C x) { return x == (C)0; }
