// broadcast_to: x repeated along dimensions in which it has one element, or
// none.
//
// x [...] → out, a shape to which x's broadcasts. Bound by bytes.

kernel void flowrun_broadcast_to(global const T *x, global T *out, int n, int8 dims, int8 x_strides) {
    int i = get_global_id(0);
    if (i < n) {
        out[i] = x[offset(i, dims, x_strides)];
    }
}
