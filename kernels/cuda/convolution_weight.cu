// convolution_weight: the gradient of convolution for weight, from x and that of its
// value, y.
//
// x [batch, groups · in, …], y [batch, groups · out, …] → out [groups · out, in, …sizes].
// Bound by flops: two for each element of y, channel of its group and tap.
// Lists are innermost first; where there are fewer than three spatial dims, the others are 1.
//
// Each element of out has a team of threads, whose members each add up every team-th
// element of y, and then join their sums. What lies outside x is 0, and is multiplied.

extern "C" __global__ void flowrun_convolution_weight(const T *x, const T *y, T *out,
                                                      int groups, int rows, int batch, int inputs, int outputs,
                                                      list x_dims, list taps, list y_dims, list step, list before, list apart, int team) {
    post p = post_in(team);
    int row = p.row, member = p.member;
    C all = (C)0;
    if (row < rows) {
        int k0 = row % taps.s[0], rest = row / taps.s[0], k1 = rest % taps.s[1];
        rest /= taps.s[1];
        int k2 = rest % taps.s[2];
        rest /= taps.s[2];
        int channel = rest % inputs, of_y = rest / inputs, group = of_y / outputs;
        int volume = x_dims.s[0] * x_dims.s[1] * x_dims.s[2], positions = y_dims.s[0] * y_dims.s[1] * y_dims.s[2];
        for (int i = member; i < batch * positions; i += team) {
            int example = i / positions, place = i - example * positions;
            int line = place / y_dims.s[0], p0 = place - line * y_dims.s[0], p2 = line / y_dims.s[1], p1 = line - p2 * y_dims.s[1];
            int i0 = p0 * step.s[0] + k0 * apart.s[0] - before.s[0];
            int i1 = p1 * step.s[1] + k1 * apart.s[1] - before.s[1];
            int i2 = p2 * step.s[2] + k2 * apart.s[2] - before.s[2];
            int inside = (u32)i0 < (u32)x_dims.s[0] && (u32)i1 < (u32)x_dims.s[1] && (u32)i2 < (u32)x_dims.s[2];
            int of_x = ((example * groups + group) * inputs + channel) * volume;
            C v = inside ? LOAD(T, x, of_x + (i2 * x_dims.s[1] + i1) * x_dims.s[0] + i0) : (C)0;
            all = MULTIPLY_ADD(v, LOAD(T, y, (example * groups * outputs + of_y) * positions + place), all);
        }
    }
    all = team_fold(all, team, [](C a, C b) { return a + b; });
    if (row < rows && member == 0) {
        STORE(T, out, row, all);
    }
}
