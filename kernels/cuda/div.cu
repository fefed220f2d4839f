// div: a / b, elementwise.
//
// a [...], b [...] → out, the shape to which both broadcast. Bound by bytes.

DEVICE C BODY(div)(C a, C b) { return a / b; }

#ifndef FUSED
extern "C" __global__ void flowrun_div(const T *a, const T *b, T *out,
                                       int n, list dims, list a_step, list b_step) {
    map(out, n, [](C x, C y) { return BODY(div)(x, y); }, along(a, dims, a_step), along(b, dims, b_step));
}
#endif
