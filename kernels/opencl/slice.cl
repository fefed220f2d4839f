// slice: every step-th element along dim, from start on; the output's size
// says how many.
//
// x [...] → out, x's shape but for dim. Bound by bytes.

kernel void flowrun_slice(global const T *x, global T *out, int dim, int start, int step,
                          int n, int base, int8 dims, int8 x_strides) {
    int i = get_global_id(0);
    if (i < n) {
        out[i] = x[base + offset(i, dims, x_strides)];
    }
}
