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

struct arguments {
    int dim;
    int launch, n, columns, count, index_stride, x_count, x_stride;
    list dims, index_strides, x_strides;
};

kernel void flowrun_scatter_add(device const T *x [[buffer(0)]], device const I *index [[buffer(1)]],
                                device const T *src [[buffer(2)]], device T *out [[buffer(3)]],
                                constant arguments &with [[buffer(4)]], uint at [[thread_position_in_grid]]) {
    int i = at;
    if (with.launch == 0) {
        if (i < with.n) {
            out[i] = x[i];
        }
        return;
    }
    int column = i % with.columns, mine = i / with.columns;
    if (mine >= with.count) {
        return;
    }
    int from = offset(column, with.dims, with.index_strides);
    I target = index[from + mine * with.index_stride];
    if (target < (I)0 || target >= (I)with.x_count) {
        return;
    }
    for (int k = 0; k < mine; k++) {
        if (index[from + k * with.index_stride] == target) {
            return;
        }
    }
    int to = offset(column, with.dims, with.x_strides) + (int)target * with.x_stride;
    W sum = (W)LOAD(T, out, to);
    for (int k = mine; k < with.count; k++) {
        if (index[from + k * with.index_stride] == target) {
            sum += (W)LOAD(T, src, from + k * with.index_stride);
        }
    }
    STORE(T, out, to, (C)sum);
}
