// round: the nearest integer, halves to even, elementwise; integers as they are.
//
// x [...] → out [...]. Bound by bytes.

#if IS_FLOAT(T)
DEVICE C BODY(round)(C x) { return rint(x); }
#else
DEVICE C BODY(round)(C x) { return x; }
#endif
