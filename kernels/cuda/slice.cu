// slice: every step-th element along dim, from start on; the output's size
// says how many.
//
// x [...] → out, x's shape but for dim. Bound by bytes.

extern "C" __global__ void flowrun_slice(const T *x, T *out, int dim, int start, int step,
                                         int n, int base, list dims, list x_strides) {
    move(out, n, [&](int i) { return x[base + offset(i, dims, x_strides)]; });
}
