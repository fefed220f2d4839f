// scan_slice: the slice of x at an index along dim. An index out of range gives NaN, or 0
// in types without it.
//
// x [...], index [] → out, of x's shape without dim. Bound by bytes.

struct arguments {
    int dim;
    int n, count, inner;
};

kernel void flowrun_scan_slice(device const T *x [[buffer(0)]], device const I *index [[buffer(1)]], device T *out [[buffer(2)]],
                               constant arguments &with [[buffer(3)]], uint at [[thread_position_in_grid]]) {
    int i = at, inner = with.inner;
    if (i < with.n) {
        I place = index[0];
        if (place < (I)0 || place >= (I)with.count) {
            out[i] = MISSING(T);
        } else {
            out[i] = x[(i / inner * with.count + (int)place) * inner + i % inner];
        }
    }
}
