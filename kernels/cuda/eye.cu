// eye: 1 on the diagonal, else 0.
//
// → out [n, m]. Bound by bytes.

extern "C" __global__ void flowrun_eye(T *out, int n, int columns) {
    map(out, n, [=](int i) { return (C)(i / columns == i % columns); }, numbering());
}
