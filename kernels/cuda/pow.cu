// pow: a to the b, elementwise.
//
// a [...], b [...] → out, the shape to which both broadcast. Bound by flops.
//
// Integers wrap around; to a negative power they are 0, but for 1 and -1. The
// square, the commonest power, is one multiplication.

#if IS_FLOAT(T)
DEVICE C BODY(pow)(C a, C b) { return b == (C)2 ? a * a : math::pow(a, b); }
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

#ifndef FUSED
extern "C" __global__ void flowrun_pow(const T *a, const T *b, T *out,
                                       int n, list dims, list a_step, list b_step) {
    map(out, n, [](C x, C y) { return BODY(pow)(x, y); }, along(a, dims, a_step), along(b, dims, b_step));
}
#endif
