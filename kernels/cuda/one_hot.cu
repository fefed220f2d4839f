// one_hot: 1 at place x[i] of row i, else 0. A class out of range gives a row of NaN.
//
// x [...] → out f32 [..., classes]; its last dimension says how many. Bound by bytes.

extern "C" __global__ void flowrun_one_hot(const I *x, f32 *out, int n, int classes) {
    move(out, n, [=](int i) {
        I at = x[i / classes];
        return at < (I)0 || at >= (I)classes ? MISSING(f32) : (f32)(at == (I)(i % classes));
    });
}
