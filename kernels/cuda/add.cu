// add: a + b, elementwise.
//
// a [...], b [...] → out, the shape to which both broadcast. Bound by bytes.
//
// Integers wrap around.

DEVICE C BODY(add)(C a, C b) { return (C)((W)a + (W)b); }

#ifndef FUSED
extern "C" __global__ void flowrun_add(const T *a, const T *b, T *out,
                                       int n, list dims, list a_step, list b_step) {
    map(out, n, [](C x, C y) { return BODY(add)(x, y); }, along(a, dims, a_step), along(b, dims, b_step));
}
#endif
