// unpatch: elements of windows, added up at where they were: the transpose of patches. Each
// element looks for itself in the windows, in the order of their elements, so the sum is
// the same in every run; it is rounded once.
//
// x [planes, kernel height, kernel width, windows down, windows across] → out [planes,
// height, width]. Lists are innermost first. Bound by bytes.

kernel void flowrun_unpatch(global const T *x, global T *out,
                            int n, int8 x_dims, int8 out_dims, int8 step, int8 before, int8 apart) {
    int i = get_global_id(0);
    if (i >= n) {
        return;
    }
    int rest = i;
    int column = rest % out_dims.s0 + before.s0;
    rest /= out_dims.s0;
    int row = rest % out_dims.s1 + before.s1, plane = rest / out_dims.s1;
    W sum = (W)0;
    for (int ky = 0; ky < x_dims.s3; ky++) {
        int down = row - ky * apart.s1, oy = down / step.s1;
        if (down < 0 || oy >= x_dims.s1 || oy * step.s1 != down) {
            continue;
        }
        for (int kx = 0; kx < x_dims.s2; kx++) {
            int across = column - kx * apart.s0, ox = across / step.s0;
            if (across < 0 || ox >= x_dims.s0 || ox * step.s0 != across) {
                continue;
            }
            int tap = (plane * x_dims.s3 + ky) * x_dims.s2 + kx;
            sum += (W)LOAD(T, x, (tap * x_dims.s1 + oy) * x_dims.s0 + ox);
        }
    }
    STORE(T, out, i, (C)sum);
}
