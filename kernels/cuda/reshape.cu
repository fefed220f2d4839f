// reshape: the same elements in another shape.
//
// x [...] → out, any shape of as many elements. Bound by bytes.

extern "C" __global__ void flowrun_reshape(const T *x, T *out, int n) {
    move(out, x, n);
}
