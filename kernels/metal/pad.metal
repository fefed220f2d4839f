// pad: x with a value around it. Lists are innermost first. Neither x nor its padding
// says which dimensions could be one, so this goes through all that there are.
//
// x [...] → out, whose dimension i is larger by padding[2i] before and padding[2i+1]
// after. Bound by bytes.

struct arguments {
    C value;
    int n;
    list out_dims, x_dims, before;
};

kernel void flowrun_pad(device const T *x [[buffer(0)]], device T *out [[buffer(1)]],
                        constant arguments &with [[buffer(2)]], uint i [[thread_position_in_grid]]) {
    if (i >= (uint)with.n) {
        return;
    }
    int rest = i, at = 0, stride = 1;
    bool inside = true;
#pragma unroll
    for (int d = 0; d < 8; d++) {
        if (with.out_dims.s[d] != 1 || with.x_dims.s[d] != 1) {
            int next = (u32)rest / (u32)with.out_dims.s[d];
            int here = rest - next * with.out_dims.s[d] - with.before.s[d];
            inside = inside && here >= 0 && here < with.x_dims.s[d];
            at += here * stride;
            stride *= with.x_dims.s[d];
            rest = next;
        }
    }
    if (inside) {
        out[i] = x[at];
    } else {
        STORE(T, out, i, with.value);
    }
}
