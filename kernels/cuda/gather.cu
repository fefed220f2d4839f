// gather: elements of x by their index along dim: for dim 0 of two, out[i][j] =
// x[index[i][j]][j]. An index out of range gives NaN, or 0 in types without it.
//
// x [...], index [...] of as many dimensions and, but for dim, at most x's sizes → out,
// of index's shape. Bound by bytes.

extern "C" __global__ void flowrun_gather(const T *x, const I *index, T *out, int dim,
                                          int n, int count, int x_stride, list dims, list x_strides) {
    move(out, n, [&](int i) {
        I at = index[i];
        return at < (I)0 || at >= (I)count ? MISSING(T) : x[offset(i, dims, x_strides) + (int)at * x_stride];
    });
}
