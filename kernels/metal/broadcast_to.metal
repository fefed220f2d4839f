// broadcast_to: x repeated along dimensions in which it has one element, or
// none.
//
// x [...] → out, a shape to which x's broadcasts. Bound by bytes.

struct arguments {
    int n;
    list dims, x_strides;
};

kernel void flowrun_broadcast_to(device const T *x [[buffer(0)]], device T *out [[buffer(1)]],
                                 constant arguments &with [[buffer(2)]], uint i [[thread_position_in_grid]]) {
    if (i < (uint)with.n) {
        out[i] = x[offset(i, with.dims, with.x_strides)];
    }
}
