// gather: elements of x by their index along dim: for dim 0 of two, out[i][j] =
// x[index[i][j]][j]. An index out of range gives NaN, or 0 in types without it.
//
// x [...], index [...] of as many dimensions and, but for dim, at most x's sizes → out,
// of index's shape. Bound by bytes.

struct arguments {
    int dim;
    int n, count, x_stride;
    list dims, x_strides;
};

kernel void flowrun_gather(device const T *x [[buffer(0)]], device const I *index [[buffer(1)]], device T *out [[buffer(2)]],
                           constant arguments &with [[buffer(3)]], uint at [[thread_position_in_grid]]) {
    int i = at;
    if (i < with.n) {
        I target = index[i];
        if (target < (I)0 || target >= (I)with.count) {
            out[i] = MISSING(T);
        } else {
            out[i] = x[offset(i, with.dims, with.x_strides) + (int)target * with.x_stride];
        }
    }
}
