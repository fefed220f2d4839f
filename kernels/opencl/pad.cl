// pad: x with a value around it. Lists are innermost first. Neither x nor its padding
// says which dimensions could be one, so this goes through all that there are.
//
// x [...] → out, whose dimension i is larger by padding[2i] before and padding[2i+1]
// after. Bound by bytes.

kernel void flowrun_pad(global const T *x, global T *out, C value, int n, int8 out_dims, int8 x_dims, int8 before) {
    int i = get_global_id(0);
    if (i >= n) {
        return;
    }
    int rest = i, at = 0, stride = 1, inside = 1;
#define DIMENSION(d)                                             \
    if (out_dims.s##d != 1 || x_dims.s##d != 1) {                \
        int next = (uint)rest / (uint)out_dims.s##d;             \
        int here = rest - next * out_dims.s##d - before.s##d;    \
        inside = inside && here >= 0 && here < x_dims.s##d;      \
        at += here * stride;                                       \
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
