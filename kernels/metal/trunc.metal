// trunc: x without its fraction, elementwise; integers as they are.
//
// x [...] → out [...]. Bound by bytes.

#if IS_FLOAT(T)
DEVICE C BODY(trunc)(C x) { return trunc(x); }
#else
DEVICE C BODY(trunc)(C x) { return x; }
#endif
