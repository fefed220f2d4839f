// floor: the largest integer not above x, elementwise; integers as they are.
//
// x [...] → out [...]. Bound by bytes.

#if IS_FLOAT(T)
DEVICE C BODY(floor)(C x) { return floor(x); }
#else
DEVICE C BODY(floor)(C x) { return x; }
#endif
