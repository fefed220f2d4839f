// gt: whether a is above b, elementwise.
//
// a [...], b [...] → out bool, the shape to which both broadcast. Bound by bytes.
//
// False if one is NaN.

DEVICE int BODY(gt)(C a, C b) { return a > b; }

#ifndef FUSED
extern "C" __global__ void flowrun_gt(const T *a, const T *b, b8 *out,
                                      int n, list dims, list a_step, list b_step) {
    map(out, n, [](C x, C y) { return BODY(gt)(x, y); }, along(a, dims, a_step), along(b, dims, b_step));
}
#endif
