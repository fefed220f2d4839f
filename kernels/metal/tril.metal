// tril: x on and below a diagonal of its last two dimensions, else 0. Diagonal 0 is
// the main one, larger ones lie above it.
//
// x [..., n, m] → out [..., n, m]. Bound by bytes.

struct arguments {
    int diagonal, n, rows, columns;
};

kernel void flowrun_tril(device const T *x [[buffer(0)]], device T *out [[buffer(1)]],
                         constant arguments &with [[buffer(2)]], uint i [[thread_position_in_grid]]) {
    if (i < (uint)with.n) {
        int row = i / with.columns % with.rows, column = i % with.columns;
        T v = x[i];
        out[i] = column - row <= with.diagonal ? v : T{};
    }
}
