// tril: x on and below a diagonal of its last two dimensions, else 0. Diagonal 0 is
// the main one, larger ones lie above it.
//
// x [..., n, m] → out [..., n, m]. Bound by bytes.

extern "C" __global__ void flowrun_tril(const T *x, T *out, int diagonal, int n, int rows, int columns) {
    move(out, n, [=](int i) {
        int row = i / columns % rows, column = i % columns;
        return column - row <= diagonal ? x[i] : T{};
    });
}
