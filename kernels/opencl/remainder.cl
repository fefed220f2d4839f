// remainder: a - b·⌊a / b⌋, of b's sign, as Python's %, elementwise.
//
// a [...], b [...] → out, the shape to which both broadcast. Bound by flops.
//
// By 0 it is NaN for floats and 0 for integers.

#if IS_FLOAT(T)
static inline C BODY(remainder)(C a, C b) {
    C r = fmod(a, b);
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
kernel void flowrun_remainder(global const T *a, global const T *b, global T *out,
                              int n, int8 dims, int8 a_step, int8 b_step) {
    int i = get_global_id(0);
    if (i < n) {
        C x = LOAD(T, a, place(i, dims, a_step));
        C y = LOAD(T, b, place(i, dims, b_step));
        STORE(T, out, i, BODY(remainder)(x, y));
    }
}
#endif
