// unpatch: elements of windows, added up at where they were: the transpose of patches. Each
// element looks for itself in the windows, in the order of their elements, so the sum is
// the same in every run; it is rounded once.
//
// x [planes, kernel height, kernel width, windows down, windows across] → out [planes,
// height, width]. Lists are innermost first. Bound by bytes.

struct arguments {
    int n;
    list x_dims, out_dims, step, before, apart;
};

kernel void flowrun_unpatch(device const T *x [[buffer(0)]], device T *out [[buffer(1)]],
                            constant arguments &with [[buffer(2)]], uint i [[thread_position_in_grid]]) {
    if (i >= (uint)with.n) {
        return;
    }
    int rest = i;
    int column = rest % with.out_dims.s[0] + with.before.s[0];
    rest /= with.out_dims.s[0];
    int row = rest % with.out_dims.s[1] + with.before.s[1], plane = rest / with.out_dims.s[1];
    W sum = (W)0;
    for (int ky = 0; ky < with.x_dims.s[3]; ky++) {
        int down = row - ky * with.apart.s[1], oy = down / with.step.s[1];
        if (down < 0 || oy >= with.x_dims.s[1] || oy * with.step.s[1] != down) {
            continue;
        }
        for (int kx = 0; kx < with.x_dims.s[2]; kx++) {
            int across = column - kx * with.apart.s[0], ox = across / with.step.s[0];
            if (across < 0 || ox >= with.x_dims.s[0] || ox * with.step.s[0] != across) {
                continue;
            }
            int tap = (plane * with.x_dims.s[3] + ky) * with.x_dims.s[2] + kx;
            sum += (W)LOAD(T, x, (tap * with.x_dims.s[1] + oy) * with.x_dims.s[0] + ox);
        }
    }
    STORE(T, out, i, (C)sum);
}
