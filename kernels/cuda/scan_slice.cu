// scan_slice: the slice of x at an index along dim. An index out of range gives NaN, or 0
// in types without it.
//
// x [...], index [] → out, of x's shape without dim. Bound by bytes.

extern "C" __global__ void flowrun_scan_slice(const T *x, const I *index, T *out, int dim,
                                              int n, int count, int inner) {
    I at = index[0];
    move(out, n, [&](int i) {
        return at < (I)0 || at >= (I)count ? MISSING(T) : x[(i / inner * count + (int)at) * inner + i % inner];
    });
}
