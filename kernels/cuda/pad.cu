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

extern "C" __global__ void flowrun_pad(const T *x, T *out, C value, int mode, int n, list out_dims, list x_dims, list before) {
    move(out, n, [&](int i) {
        int at = 0, stride = 1;
        bool inside = true;
#pragma unroll
        for (int d = 0; d < 8; d++) {
            if (out_dims.s[d] != 1 || x_dims.s[d] != 1 || before.s[d]) {
                int next = (u32)i / (u32)out_dims.s[d];
                int here = i - next * out_dims.s[d] - before.s[d];
                if (here < 0 || here >= x_dims.s[d]) {
                    int after = out_dims.s[d] - x_dims.s[d] - before.s[d];
                    int kept = x_dims.s[d] + (before.s[d] < 0 ? before.s[d] : 0) + (after < 0 ? after : 0);
                    here = border(mode, here, x_dims.s[d], kept);
                    inside = inside && mode != 0;
                }
                at += here * stride;
                stride *= x_dims.s[d];
                i = next;
            }
        }
        T padding;
        STORE(T, &padding, 0, value);
        return inside ? x[at] : padding;
    });
}
