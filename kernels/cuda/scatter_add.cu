// scatter_add: x, with elements of src added by their index along dim: for dim
// 0 of two, out[index[i][j]][j] += src[i][j].
//
// x [...], index [...] of as many dimensions and, but for dim, at most x's
// sizes, src of index's shape → out, of x's shape. Bound by bytes, or by the
// square of index's size along dim.
//
// Two launches: the first copies x. In the second, elements that go to one place are
// added one by one in the order of index, in C, by the thread of the first of
// them; the others leave. So the result is the same in every run, which atomic
// additions' isn't, and is rounded once. An index out of range adds nothing.

extern "C" __global__ void flowrun_scatter_add(const T *x, const I *index, const T *src, T *out, int dim,
                                               int launch, int n, int columns, int count, int index_stride, int x_count, int x_stride,
                                               list dims, list index_strides, list x_strides) {
    i64 thread = (i64)blockIdx.x * blockDim.x + threadIdx.x;
    if (launch == 0) {
        if (thread < n) {
            out[thread] = x[thread];
        }
        return;
    }
    int column = (int)(thread % columns), mine = (int)(thread / columns);
    if (mine >= count) {
        return;
    }
    int from = offset(column, dims, index_strides);
    I at = index[from + mine * index_stride];
    if (at < (I)0 || at >= (I)x_count) {
        return;
    }
    for (int k = 0; k < mine; k++) {
        if (index[from + k * index_stride] == at) {
            return;
        }
    }
    int to = offset(column, dims, x_strides) + (int)at * x_stride;
    W sum = (W)LOAD(T, out, to);
    for (int k = mine; k < count; k++) {
        if (index[from + k * index_stride] == at) {
            sum += (W)LOAD(T, src, from + k * index_stride);
        }
    }
    STORE(T, out, to, (C)sum);
}
