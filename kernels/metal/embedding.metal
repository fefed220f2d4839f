// embedding: rows of a table by their ids. An id out of range gives a row of NaN, or of
// 0 in types without it.
//
// ids [...], weight [n, d] → out [..., d]. Bound by bytes.

struct arguments {
    int n, rows, columns;
};

kernel void flowrun_embedding(device const I *ids [[buffer(0)]], device const T *weight [[buffer(1)]], device T *out [[buffer(2)]],
                              constant arguments &with [[buffer(3)]], uint at [[thread_position_in_grid]]) {
    int i = at;
    if (i < with.n) {
        I id = ids[i / with.columns];
        if (id < (I)0 || id >= (I)with.rows) {
            out[i] = MISSING(T);
        } else {
            out[i] = weight[(int)id * with.columns + i % with.columns];
        }
    }
}
