// gather: elements of x by their index along dim: for dim 0 of two, out[i][j] =
// x[index[i][j]][j]. An index out of range gives NaN, or 0 in types without it.
//
// x [...], index [...] of as many dimensions and, but for dim, at most x's sizes → out,
// of index's shape. Bound by bytes.

kernel void flowrun_gather(global const T *x, global const I *index, global T *out, int dim,
                           int n, int count, int x_stride, int8 dims, int8 x_strides) {
    int i = get_global_id(0);
    if (i < n) {
        I at = index[i];
        out[i] = at < (I)0 || at >= (I)count ? MISSING(T) : x[offset(i, dims, x_strides) + (int)at * x_stride];
    }
}
