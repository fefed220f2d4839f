// unpatch: elements of windows, added up at where they were: the transpose of patches. Each
// element looks for itself in the windows, in the order of their elements, so the sum is
// the same in every run; it is rounded once.
//
// x [planes, kernel height, kernel width, windows down, windows across] → out [planes,
// height, width]. Lists are innermost first. Bound by bytes.

extern "C" __global__ void flowrun_unpatch(const T *x, T *out,
                                           int n, list x_dims, list out_dims, list step, list before, list apart) {
    move(out, n, [&](int i) {
        int rest = i;
        int column = rest % out_dims.s[0] + before.s[0];
        rest /= out_dims.s[0];
        int row = rest % out_dims.s[1] + before.s[1], plane = rest / out_dims.s[1];
        W sum = (W)0;
        for (int ky = 0; ky < x_dims.s[3]; ky++) {
            int down = row - ky * apart.s[1], oy = down / step.s[1];
            if (down < 0 || oy >= x_dims.s[1] || oy * step.s[1] != down) {
                continue;
            }
            for (int kx = 0; kx < x_dims.s[2]; kx++) {
                int across = column - kx * apart.s[0], ox = across / step.s[0];
                if (across < 0 || ox >= x_dims.s[0] || ox * step.s[0] != across) {
                    continue;
                }
                int tap = (plane * x_dims.s[3] + ky) * x_dims.s[2] + kx;
                sum += (W)LOAD(T, x, (tap * x_dims.s[1] + oy) * x_dims.s[0] + ox);
            }
        }
        T result;
        STORE(T, &result, 0, (C)sum);
        return result;
    });
}
