// permute: x with its dimensions in another order.
//
// x [...] → out, whose dimension i is x's dimension dims[i]. Bound by bytes.
//
// Neighbours write neighbouring elements and read distant ones where the last
// dimension moves. Squares in local memory would help there, and cost a second
// kernel: worth it once a profile shows transposes.

kernel void flowrun_permute(global const T *x, global T *out, int n, int8 out_shape, int8 x_strides) {
    int i = get_global_id(0);
    if (i < n) {
        out[i] = x[offset(i, out_shape, x_strides)];
    }
}
