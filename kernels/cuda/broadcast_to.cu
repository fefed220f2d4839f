// broadcast_to: x repeated along dimensions in which it has one element, or
// none.
//
// x [...] → out, a shape to which x's broadcasts. Bound by bytes.

extern "C" __global__ void flowrun_broadcast_to(const T *x, T *out, int n, list dims, list x_strides) {
    move(out, n, [&](int i) { return x[offset(i, dims, x_strides)]; });
}
