// abs: the absolute value, elementwise.
//
// x [...] → out [...]. Bound by bytes.
//
// The least integer stays itself.

#if IS_FLOAT(T)
DEVICE C BODY(abs)(C x) { return fabs(x); }
#else
DEVICE C BODY(abs)(C x) { return x < (C)0 ? (C)-(W)x : x; }
#endif
