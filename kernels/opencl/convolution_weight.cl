// convolution_weight: the gradient of convolution for weight, from x and that of its
// value, y.
//
// x [batch, groups · in, …], y [batch, groups · out, …] → out [groups · out, in, …sizes].
// Bound by flops: two for each element of y, channel of its group and tap.
// Lists are innermost first; where there are fewer than three spatial dims, the others are 1.
//
// Each element of out has a team of work-items, whose members each add up every team-th
// element of y, and then join their sums. What lies outside x is 0, and is multiplied.

DEVICE C add(C a, C b) { return a + b; }

TEAM_FOLD(sum, C, add)

kernel void flowrun_convolution_weight(global const T *x, global const T *y, global T *out,
                                       int groups, int rows, int batch, int inputs, int outputs,
                                       int8 x_dims, int8 taps, int8 y_dims, int8 step, int8 before, int8 apart, int team) {
    local C scratch[GROUP];
    int row = get_global_id(0) / team, member = get_global_id(0) & (team - 1);
    C all = (C)0;
    if (row < rows) {
        int k0 = row % taps.s0, rest = row / taps.s0, k1 = rest % taps.s1;
        rest /= taps.s1;
        int k2 = rest % taps.s2;
        rest /= taps.s2;
        int channel = rest % inputs, of_y = rest / inputs, group = of_y / outputs;
        int volume = x_dims.s0 * x_dims.s1 * x_dims.s2, positions = y_dims.s0 * y_dims.s1 * y_dims.s2;
        for (int i = member; i < batch * positions; i += team) {
            int example = i / positions, place = i - example * positions;
            int p = place / y_dims.s0, p0 = place - p * y_dims.s0, p2 = p / y_dims.s1, p1 = p - p2 * y_dims.s1;
            int i0 = p0 * step.s0 + k0 * apart.s0 - before.s0;
            int i1 = p1 * step.s1 + k1 * apart.s1 - before.s1;
            int i2 = p2 * step.s2 + k2 * apart.s2 - before.s2;
            int inside = (uint)i0 < (uint)x_dims.s0 && (uint)i1 < (uint)x_dims.s1 && (uint)i2 < (uint)x_dims.s2;
            int of_x = ((example * groups + group) * inputs + channel) * volume;
            C v = inside ? LOAD(T, x, of_x + (i2 * x_dims.s1 + i1) * x_dims.s0 + i0) : (C)0;
            all = MULTIPLY_ADD(v, LOAD(T, y, (example * groups * outputs + of_y) * positions + place), all);
        }
    }
    all = sum(scratch, all, team);
    if (row < rows && member == 0) {
        STORE(T, out, row, all);
    }
}
