// scan_store: x with another slice at an index along dim; in_place, the other slices of x
// are in the output already. An index out of range changes nothing.
//
// x [...], index [], slice of the shape of x without dim → out, of the shape of x. Bound by bytes.
//
// Two launches: the first copies x, unless in_place.

struct arguments {
    int dim, in_place;
    int launch, n, slice_n, count, inner;
};

kernel void flowrun_scan_store(device const T *x [[buffer(0)]], device const I *index [[buffer(1)]],
                               device const T *slice [[buffer(2)]], device T *out [[buffer(3)]],
                               constant arguments &with [[buffer(4)]], uint at [[thread_position_in_grid]]) {
    int i = at, inner = with.inner;
    if (with.launch == 0) {
        if (!with.in_place && i < with.n) {
            out[i] = x[i];
        }
        return;
    }
    I place = index[0];
    if (i < with.slice_n && place >= (I)0 && place < (I)with.count) {
        out[(i / inner * with.count + (int)place) * inner + i % inner] = slice[i];
    }
}
