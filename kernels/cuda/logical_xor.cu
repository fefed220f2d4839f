// logical_xor: whether just one of them is not 0, elementwise.
//
// a [...], b [...] → out bool, the shape to which both broadcast. Bound by bytes.
//
// NaN is not 0.

DEVICE int BODY(logical_xor)(C a, C b) { return (a != (C)0) != (b != (C)0); }

#ifndef FUSED
extern "C" __global__ void flowrun_logical_xor(const T *a, const T *b, b8 *out,
                                               int n, list dims, list a_step, list b_step) {
    map(out, n, [](C x, C y) { return BODY(logical_xor)(x, y); }, along(a, dims, a_step), along(b, dims, b_step));
}
#endif
