// one_hot: 1 at place x[i] of row i, else 0. A class out of range gives a row of NaN.
//
// x [...] → out f32 [..., classes]; its last dimension says how many. Bound by bytes.

kernel void flowrun_one_hot(global const I *x, global f32 *out, int n, int classes) {
    int i = get_global_id(0);
    if (i < n) {
        I at = x[i / classes];
        out[i] = at < (I)0 || at >= (I)classes ? MISSING(f32) : at == (I)(i % classes) ? (f32)1 : (f32)0;
    }
}
