// pow: a to the b, elementwise.
//
// a [...], b [...] → out, the shape to which both broadcast. Bound by flops.
//
// Integers wrap around; to a negative power they are 0, but for 1 and -1. The
// square, the commonest power, is one multiplication.

#if IS_FLOAT(T)
static inline C BODY(pow)(C a, C b) { return b == (C)2 ? a * a : own::pow(a, b); }
#else
static inline C BODY(pow)(C a, C b) {
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
struct arguments {
    int n;
    list dims, a_step, b_step;
};

kernel void flowrun_pow(device const T *a [[buffer(0)]], device const T *b [[buffer(1)]], device T *out [[buffer(2)]],
                        constant arguments &with [[buffer(3)]], uint i [[thread_position_in_grid]]) {
    if (i < (uint)with.n) {
        C x = LOAD(T, a, place(i, with.dims, with.a_step));
        C y = LOAD(T, b, place(i, with.dims, with.b_step));
        STORE(T, out, i, BODY(pow)(x, y));
    }
}
#endif
