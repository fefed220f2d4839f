// slice: every step-th element along dim, from start on; the output's size
// says how many.
//
// x [...] → out, x's shape but for dim. Bound by bytes.

struct arguments {
    int dim, start, step, n, base;
    list dims, x_strides;
};

kernel void flowrun_slice(device const T *x [[buffer(0)]], device T *out [[buffer(1)]],
                          constant arguments &with [[buffer(2)]], uint i [[thread_position_in_grid]]) {
    if (i < (uint)with.n) {
        out[i] = x[with.base + offset(i, with.dims, with.x_strides)];
    }
}
