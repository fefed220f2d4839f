// floor_divide: ⌊a / b⌋, elementwise.
//
// a [...], b [...] → out, the shape to which both broadcast. Bound by flops.
//
// By 0 it is ±∞ or NaN for floats and 0 for integers.

#if IS_FLOAT(T)
static inline C BODY(floor_divide)(C a, C b) {
    if (b == (C)0) {
        return a / b;
    }
    // The quotient of what divides without rest: a rounded quotient may lie above
    // the floor of the exact one, 1 / 0.1 for instance.
    C r = own::remainder_towards_0(a, b);
    C q = own::rint((a - r) / b);
    return r != (C)0 && (r < (C)0) != (b < (C)0) ? q - (C)1 : q;
}
#else
static inline C BODY(floor_divide)(C a, C b) {
    if (b == (C)0) {
        return (C)0;
    }
    if (b == (C)-1) { // the least integer wraps around
        return (C)-(W)a;
    }
    C q = a / b;
    return a % b != (C)0 && (a < (C)0) != (b < (C)0) ? q - (C)1 : q;
}
#endif

#ifndef FUSED
struct arguments {
    int n;
    list dims, a_step, b_step;
};

kernel void flowrun_floor_divide(device const T *a [[buffer(0)]], device const T *b [[buffer(1)]],
                                 device T *out [[buffer(2)]], constant arguments &with [[buffer(3)]],
                                 uint i [[thread_position_in_grid]]) {
    if (i < (uint)with.n) {
        C x = LOAD(T, a, place(i, with.dims, with.a_step));
        C y = LOAD(T, b, place(i, with.dims, with.b_step));
        STORE(T, out, i, BODY(floor_divide)(x, y));
    }
}
#endif
