// flip: x in reverse order along dims.
//
// x [...] → out [...]. Bound by bytes.

struct arguments {
    int n, base;
    list out_shape, x_strides;
};

kernel void flowrun_flip(device const T *x [[buffer(0)]], device T *out [[buffer(1)]],
                         constant arguments &with [[buffer(2)]], uint i [[thread_position_in_grid]]) {
    if (i < (uint)with.n) {
        out[i] = x[with.base + offset(i, with.out_shape, with.x_strides)];
    }
}
