// remainder: a - b·⌊a / b⌋, of b's sign, as Python's %, elementwise.
//
// a [...], b [...] → out, the shape to which both broadcast. Bound by flops.
//
// By 0 it is NaN for floats and 0 for integers.

#if IS_FLOAT(T)
DEVICE C BODY(remainder)(C a, C b) {
    C r = math::remainder_towards_0(a, b);
    return r != (C)0 && (r < (C)0) != (b < (C)0) ? r + b : r;
}
#else
DEVICE C BODY(remainder)(C a, C b) {
    if (b == (C)0 || b == (C)-1) { // the least integer by -1 would overflow
        return (C)0;
    }
    C r = a % b;
    return r != (C)0 && (r < (C)0) != (b < (C)0) ? r + b : r;
}
#endif

#ifndef FUSED
extern "C" __global__ void flowrun_remainder(const T *a, const T *b, T *out,
                                             int n, list dims, list a_step, list b_step) {
    map(out, n, [](C x, C y) { return BODY(remainder)(x, y); }, along(a, dims, a_step), along(b, dims, b_step));
}
#endif
