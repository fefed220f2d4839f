// patches: windows over planes taken apart: for each element of the window a plane of what
// is there in each window. What lies outside of x is 0.
//
// x [planes, height, width] → out [planes, kernel height, kernel width, windows down,
// windows across]. Lists are innermost first. Bound by bytes.

kernel void flowrun_patches(global const T *x, global T *out,
                            int n, int8 x_dims, int8 out_dims, int8 step, int8 before, int8 apart) {
    int i = get_global_id(0);
    if (i >= n) {
        return;
    }
    int rest = i;
    int ox = rest % out_dims.s0;
    rest /= out_dims.s0;
    int oy = rest % out_dims.s1;
    rest /= out_dims.s1;
    int kx = rest % out_dims.s2;
    rest /= out_dims.s2;
    int ky = rest % out_dims.s3, plane = rest / out_dims.s3;
    int column = ox * step.s0 - before.s0 + kx * apart.s0;
    int row = oy * step.s1 - before.s1 + ky * apart.s1;
    if (row >= 0 && row < x_dims.s1 && column >= 0 && column < x_dims.s0) {
        out[i] = x[(plane * x_dims.s1 + row) * x_dims.s0 + column];
        return;
    }
    STORE(T, out, i, (C)0);
}
