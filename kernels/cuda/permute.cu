// permute: x with its dimensions in another order.
//
// x [...] → out, whose dimension i is x's dimension dims[i]. Bound by bytes.
//
// Neighbours write neighbouring elements and read distant ones where the last
// dimension moves. Squares in shared memory would help there, and cost a second
// kernel: worth it once a profile shows transposes.

extern "C" __global__ void flowrun_permute(const T *x, T *out, int n, list out_shape, list x_strides) {
    move(out, n, [&](int i) { return x[offset(i, out_shape, x_strides)]; });
}
