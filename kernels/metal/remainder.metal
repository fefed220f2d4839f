// remainder: a - b·⌊a / b⌋, of b's sign, as Python's %, elementwise.
//
// a [...], b [...] → out, the shape to which both broadcast. Bound by flops.
//
// By 0 it is NaN for floats and 0 for integers.

#if IS_FLOAT(T)
static inline C BODY(remainder)(C a, C b) {
    C r = own::remainder_towards_0(a, b);
    return r != (C)0 && (r < (C)0) != (b < (C)0) ? r + b : r;
}
#else
static inline C BODY(remainder)(C a, C b) {
    if (b == (C)0 || b == (C)-1) { // the least integer by -1 would overflow
        return (C)0;
    }
    C r = a % b;
    return r != (C)0 && (r < (C)0) != (b < (C)0) ? r + b : r;
}
#endif

#ifndef FUSED
struct arguments {
    int n;
    list dims, a_step, b_step;
};

kernel void flowrun_remainder(device const T *a [[buffer(0)]], device const T *b [[buffer(1)]],
                              device T *out [[buffer(2)]], constant arguments &with [[buffer(3)]],
                              uint i [[thread_position_in_grid]]) {
    if (i < (uint)with.n) {
        C x = LOAD(T, a, place(i, with.dims, with.a_step));
        C y = LOAD(T, b, place(i, with.dims, with.b_step));
        STORE(T, out, i, BODY(remainder)(x, y));
    }
}
#endif
