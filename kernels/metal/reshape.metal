// reshape: the same elements in another shape.
//
// x [...] → out, any shape of as many elements. Bound by bytes.

struct arguments {
    int n;
};

kernel void flowrun_reshape(device const T *x [[buffer(0)]], device T *out [[buffer(1)]],
                            constant arguments &with [[buffer(2)]], uint i [[thread_position_in_grid]]) {
    if (i < (uint)with.n) {
        out[i] = x[i];
    }
}
