// embedding: rows of a table by their ids. An id out of range gives a row of NaN, or of
// 0 in types without it.
//
// ids [...], weight [n, d] → out [..., d]. Bound by bytes.

kernel void flowrun_embedding(global const I *ids, global const T *weight, global T *out,
                              int n, int rows, int columns) {
    int i = get_global_id(0);
    if (i < n) {
        I id = ids[i / columns];
        out[i] = id < (I)0 || id >= (I)rows ? MISSING(T) : weight[(int)id * columns + i % columns];
    }
}
