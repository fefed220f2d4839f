// ne: whether a differs from b, elementwise.
//
// a [...], b [...] → out bool, the shape to which both broadcast. Bound by bytes.
//
// Every number differs from NaN, and so does NaN.

DEVICE int BODY(ne)(C a, C b) { return a != b; }

#ifndef FUSED
extern "C" __global__ void flowrun_ne(const T *a, const T *b, b8 *out,
                                      int n, list dims, list a_step, list b_step) {
    map(out, n, [](C x, C y) { return BODY(ne)(x, y); }, along(a, dims, a_step), along(b, dims, b_step));
}
#endif
