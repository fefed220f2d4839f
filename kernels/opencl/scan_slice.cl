// scan_slice: the slice of x at an index along dim. An index out of range gives NaN, or 0
// in types without it.
//
// x [...], index [] → out, of x's shape without dim. Bound by bytes.

kernel void flowrun_scan_slice(global const T *x, global const I *index, global T *out, int dim,
                               int n, int count, int inner) {
    int i = get_global_id(0);
    if (i < n) {
        I at = index[0];
        out[i] = at < (I)0 || at >= (I)count ? MISSING(T) : x[(i / inner * count + (int)at) * inner + i % inner];
    }
}
