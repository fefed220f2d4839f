// pow: a to the b, elementwise. Integers wrap around; to a negative power they are 0,
// but for 1 and -1. The square, the commonest power, is one multiplication.
//
// a [...], b [...] → out, the shape to which both broadcast. Bound by flops.

#if IS_FLOAT(T)
DEVICE C BODY(pow)(C a, C b) { return b == (C)2 ? a * a : pow(a, b); }
#else
DEVICE C BODY(pow)(C a, C b) {
    if (b < (C)0) {
        return a == (C)1 ? (C)1 : a == (C)-1 ? (b & 1 ? (C)-1 : (C)1) : (C)0;
    }
    W x = a, p = 1;
    for (; b > (C)0; b >>= 1) {
        if (b & 1) {
            p *= x;
        }
        x *= x;
    }
    return (C)p;
}
#endif
