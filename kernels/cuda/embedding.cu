// embedding: rows of a table by their ids. An id out of range gives a row of NaN, or of
// 0 in types without it.
//
// ids [...], weight [n, d] → out [..., d]. Bound by bytes.

extern "C" __global__ void flowrun_embedding(const I *ids, const T *weight, T *out,
                                             int n, int rows, int columns) {
    move(out, n, [=](int i) {
        I id = ids[i / columns];
        return id < (I)0 || id >= (I)rows ? MISSING(T) : weight[(int)id * columns + i % columns];
    });
}
