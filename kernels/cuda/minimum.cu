// minimum: the smaller of a and b, elementwise.
//
// a [...], b [...] → out, the shape to which both broadcast. Bound by bytes.
//
// NaN if one is NaN.

DEVICE C BODY(minimum)(C a, C b) { return a < b || IS_NAN(a) ? a : b; }

#ifndef FUSED
extern "C" __global__ void flowrun_minimum(const T *a, const T *b, T *out,
                                           int n, list dims, list a_step, list b_step) {
    map(out, n, [](C x, C y) { return BODY(minimum)(x, y); }, along(a, dims, a_step), along(b, dims, b_step));
}
#endif
