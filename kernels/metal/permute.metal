// permute: x with its dimensions in another order.
//
// x [...] → out, whose dimension i is x's dimension dims[i]. Bound by bytes.
//
// Neighbours write neighbouring elements and read distant ones where the last
// dimension moves. Squares in threadgroup memory would help there, and cost a second
// kernel: worth it once a profile shows transposes.

struct arguments {
    int n;
    list out_shape, x_strides;
};

kernel void flowrun_permute(device const T *x [[buffer(0)]], device T *out [[buffer(1)]],
                            constant arguments &with [[buffer(2)]], uint i [[thread_position_in_grid]]) {
    if (i < (uint)with.n) {
        out[i] = x[offset(i, with.out_shape, with.x_strides)];
    }
}
