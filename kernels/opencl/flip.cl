// flip: x in reverse order along dims.
//
// x [...] → out [...]. Bound by bytes.

kernel void flowrun_flip(global const T *x, global T *out, int n, int base, int8 out_shape, int8 x_strides) {
    int i = get_global_id(0);
    if (i < n) {
        out[i] = x[base + offset(i, out_shape, x_strides)];
    }
}
