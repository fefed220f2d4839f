// ceil: the smallest integer not below x, elementwise; integers as they are.
//
// x [...] → out [...]. Bound by bytes.

#if IS_FLOAT(T)
DEVICE C BODY(ceil)(C x) { return ceil(x); }
#else
DEVICE C BODY(ceil)(C x) { return x; }
#endif
