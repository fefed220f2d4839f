// scan_store: x with another slice at an index along dim; in_place, the other slices of x
// are in the output already. An index out of range changes nothing.
//
// x [...], index [], slice of the shape of x without dim → out, of the shape of x. Bound by bytes.
//
// Two launches: the first copies x, unless in_place.

extern "C" __global__ void flowrun_scan_store(const T *x, const I *index, const T *slice, T *out, int dim, int in_place,
                                              int launch, int n, int slice_n, int count, int inner) {
    int i = (int)((i64)blockIdx.x * blockDim.x + threadIdx.x);
    if (launch == 0) {
        if (!in_place && i < n) {
            out[i] = x[i];
        }
        return;
    }
    I at = index[0];
    if (i < slice_n && at >= (I)0 && at < (I)count) {
        out[(i / inner * count + (int)at) * inner + i % inner] = slice[i];
    }
}
