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

kernel void flowrun_pad(global const T *x, global T *out, C value, int mode, int n, int8 out_dims, int8 x_dims, int8 before) {
    int i = get_global_id(0);
    if (i >= n) {
        return;
    }
    int rest = i, at = 0, stride = 1, inside = 1;
#define DIMENSION(d)                                             \
    if (out_dims.s##d != 1 || x_dims.s##d != 1 || before.s##d) { \
        int next = (uint)rest / (uint)out_dims.s##d;             \
        int here = rest - next * out_dims.s##d - before.s##d;    \
        if (here < 0 || here >= x_dims.s##d) {                   \
            int after = out_dims.s##d - x_dims.s##d - before.s##d; \
            int kept = x_dims.s##d + (before.s##d < 0 ? before.s##d : 0) + (after < 0 ? after : 0); \
            here = border(mode, here, x_dims.s##d, kept);        \
            inside = inside && mode != 0;                        \
        }                                                        \
        at += here * stride;                                     \
        stride *= x_dims.s##d;                                     \
        rest = next;                                             \
    }
    DIMENSION(0)
    DIMENSION(1)
    DIMENSION(2)
    DIMENSION(3)
    DIMENSION(4)
    DIMENSION(5)
    DIMENSION(6)
    DIMENSION(7)
#undef DIMENSION
    if (inside) {
        out[i] = x[at];
    } else {
        STORE(T, out, i, value);
    }
}
