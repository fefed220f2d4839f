// abs: the absolute value, elementwise. The least integer stays itself.
//
// x [...] → out [...]. Bound by bytes.

#if IS_FLOAT(T)
DEVICE C BODY(abs)(C x) { return fabs(x); }
#else
DEVICE C BODY(abs)(C x) { return x < (C)0 ? (C)-(W)x : x; }
#endif
