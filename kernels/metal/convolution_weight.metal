// convolution_weight: the gradient of convolution for weight, from x and that of its
// value, y.
//
// x [batch, groups · in, …], y [batch, groups · out, …] → out [groups · out, in, …sizes].
// Bound by flops: two for each element of y, channel of its group and tap.
// Lists are innermost first; where there are fewer than three spatial dims, the others are 1.
//
// Each element of out has a team of threads, whose members each add up every team-th
// element of y, and then join their sums. What lies outside x is 0, and is multiplied.

DEVICE C add(C a, C b) { return a + b; }

TEAM_FOLD(sum, C, add)

struct arguments {
    int groups, rows, batch, inputs, outputs;
    list x_dims, taps, y_dims, step, before, apart;
    int team;
};

kernel void flowrun_convolution_weight(device const T *x [[buffer(0)]], device const T *y [[buffer(1)]], device T *out [[buffer(2)]],
                                       constant arguments &with [[buffer(3)]], uint number [[threadgroup_position_in_grid]],
                                       uint size [[threads_per_threadgroup]], uint simdgroup [[simdgroup_index_in_threadgroup]],
                                       uint lane [[thread_index_in_simdgroup]]) {
    threadgroup C of_simdgroup[SIMDGROUP];
    int groups = with.groups, rows = with.rows, batch = with.batch, inputs = with.inputs, outputs = with.outputs, team = with.team;
    constant list &x_dims = with.x_dims, &taps = with.taps, &y_dims = with.y_dims;
    constant list &step = with.step, &before = with.before, &apart = with.apart;
    post me = post_in(team, number, size, simdgroup, lane);
    int row = me.row, member = me.member;
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
            int p = place / y_dims.s[0], p0 = place - p * y_dims.s[0], p2 = p / y_dims.s[1], p1 = p - p2 * y_dims.s[1];
            int i0 = p0 * step.s[0] + k0 * apart.s[0] - before.s[0];
            int i1 = p1 * step.s[1] + k1 * apart.s[1] - before.s[1];
            int i2 = p2 * step.s[2] + k2 * apart.s[2] - before.s[2];
            bool inside = (u32)i0 < (u32)x_dims.s[0] && (u32)i1 < (u32)x_dims.s[1] && (u32)i2 < (u32)x_dims.s[2];
            int of_x = ((example * groups + group) * inputs + channel) * volume;
            C v = inside ? LOAD(T, x, of_x + (i2 * x_dims.s[1] + i1) * x_dims.s[0] + i0) : (C)0;
            all = MULTIPLY_ADD(v, LOAD(T, y, (example * groups * outputs + of_y) * positions + place), all);
        }
    }
    all = sum(of_simdgroup, all, team, me);
    if (row < rows && member == 0) {
        STORE(T, out, row, all);
    }
}
