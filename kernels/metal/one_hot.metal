// one_hot: 1 at place x[i] of row i, else 0. A class out of range gives a row of NaN.
//
// x [...] → out f32 [..., classes]; its last dimension says how many. Bound by bytes.

struct arguments {
    int n, classes;
};

kernel void flowrun_one_hot(device const I *x [[buffer(0)]], device f32 *out [[buffer(1)]],
                            constant arguments &with [[buffer(2)]], uint i [[thread_position_in_grid]]) {
    if (i < (uint)with.n) {
        I at = x[i / with.classes];
        out[i] = at < (I)0 || at >= (I)with.classes ? MISSING(f32) : at == (I)(i % with.classes) ? (f32)1 : (f32)0;
    }
}
