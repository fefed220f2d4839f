// one_hot: 1 at place x[i] of row i, else 0. A class out of range gives a row of 0.
//
// x [...] → out f32 [..., classes]; its last dimension says how many. Bound by bytes.

extern "C" __global__ void flowrun_one_hot(const I *x, f32 *out, int n, int classes) {
    move(out, n, [=](int i) { return (f32)(x[i / classes] == (I)(i % classes)); });
}
