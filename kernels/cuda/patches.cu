// patches: windows over planes taken apart: for each element of the window a plane of what
// is there in each window. What lies outside of x is 0.
//
// x [planes, height, width] → out [planes, kernel height, kernel width, windows down,
// windows across]. Lists are innermost first. Bound by bytes.

extern "C" __global__ void flowrun_patches(const T *x, T *out,
                                           int n, list x_dims, list out_dims, list step, list before, list apart) {
    move(out, n, [&](int i) {
        int rest = i;
        int ox = rest % out_dims.s[0];
        rest /= out_dims.s[0];
        int oy = rest % out_dims.s[1];
        rest /= out_dims.s[1];
        int kx = rest % out_dims.s[2];
        rest /= out_dims.s[2];
        int ky = rest % out_dims.s[3], plane = rest / out_dims.s[3];
        int column = ox * step.s[0] - before.s[0] + kx * apart.s[0];
        int row = oy * step.s[1] - before.s[1] + ky * apart.s[1];
        if (row >= 0 && row < x_dims.s[1] && column >= 0 && column < x_dims.s[0]) {
            return x[(plane * x_dims.s[1] + row) * x_dims.s[0] + column];
        }
        T nothing;
        STORE(T, &nothing, 0, (C)0);
        return nothing;
    });
}
