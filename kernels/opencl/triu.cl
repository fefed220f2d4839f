// triu: x on and above a diagonal of its last two dimensions, else 0. Diagonal 0 is
// the main one, larger ones lie above it.
//
// x [..., n, m] → out [..., n, m]. Bound by bytes.

kernel void flowrun_triu(global const T *x, global T *out, int diagonal, int n, int rows, int columns) {
    int i = get_global_id(0);
    if (i < n) {
        int row = i / columns % rows, column = i % columns;
        out[i] = column - row >= diagonal ? x[i] : (T)0;
    }
}
