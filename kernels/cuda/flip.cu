// flip: x in reverse order along dims.
//
// x [...] → out [...]. Bound by bytes.

extern "C" __global__ void flowrun_flip(const T *x, T *out, int n, int base, list out_shape, list x_strides) {
    move(out, n, [&](int i) { return x[base + offset(i, out_shape, x_strides)]; });
}
