// patches: windows over planes taken apart: for each element of the window a plane of what
// is there in each window. What lies outside of x is 0.
//
// x [planes, height, width] → out [planes, kernel height, kernel width, windows down,
// windows across]. Lists are innermost first. Bound by bytes.

struct arguments {
    int n;
    list x_dims, out_dims, step, before, apart;
};

kernel void flowrun_patches(device const T *x [[buffer(0)]], device T *out [[buffer(1)]],
                            constant arguments &with [[buffer(2)]], uint i [[thread_position_in_grid]]) {
    if (i >= (uint)with.n) {
        return;
    }
    int rest = i;
    int ox = rest % with.out_dims.s[0];
    rest /= with.out_dims.s[0];
    int oy = rest % with.out_dims.s[1];
    rest /= with.out_dims.s[1];
    int kx = rest % with.out_dims.s[2];
    rest /= with.out_dims.s[2];
    int ky = rest % with.out_dims.s[3], plane = rest / with.out_dims.s[3];
    int column = ox * with.step.s[0] - with.before.s[0] + kx * with.apart.s[0];
    int row = oy * with.step.s[1] - with.before.s[1] + ky * with.apart.s[1];
    if (row >= 0 && row < with.x_dims.s[1] && column >= 0 && column < with.x_dims.s[0]) {
        out[i] = x[(plane * with.x_dims.s[1] + row) * with.x_dims.s[0] + column];
        return;
    }
    STORE(T, out, i, (C)0);
}
