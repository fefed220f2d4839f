// pad: x with a border, or without some of its elements. The border is a value (mode 0), x
// mirrored at its ends (1), its ends (2), or x begun again (3). Lists are innermost first.
// Neither x nor its padding says which dimensions could be one, so this goes through all
// that there are.
//
// x [...] → out, whose dimension i is larger by padding[2i] before and padding[2i+1]
// after, which may be negative. Bound by bytes.

// Where in a dimension of a size the border at place i comes from; of a value, i itself,
// which is outside. Circular begins again what negative padding keeps.
DEVICE int border(int mode, int i, int size, int kept) {
    switch (mode) {
    case 1:
        return i < 0 ? -i : 2 * (size - 1) - i;
    case 2:
        return i < 0 ? 0 : size - 1;
    case 3:
        return i < 0 ? i + kept : i - kept;
    }
    return i;
}

struct arguments {
    C value;
    int mode;
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
        if (with.out_dims.s[d] != 1 || with.x_dims.s[d] != 1 || with.before.s[d]) {
            int next = (u32)rest / (u32)with.out_dims.s[d];
            int here = rest - next * with.out_dims.s[d] - with.before.s[d];
            if (here < 0 || here >= with.x_dims.s[d]) {
                int after = with.out_dims.s[d] - with.x_dims.s[d] - with.before.s[d];
                int kept = with.x_dims.s[d] + (with.before.s[d] < 0 ? with.before.s[d] : 0) + (after < 0 ? after : 0);
                here = border(with.mode, here, with.x_dims.s[d], kept);
                inside = inside && with.mode != 0;
            }
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
