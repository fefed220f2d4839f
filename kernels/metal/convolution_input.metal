// convolution_input: the gradient of convolution for x, from that of its value, y; and so
// a transposed convolution.
//
// y [batch, groups · out, …], weight [groups · out, in, …] → out [batch, groups · in,
// …sizes]. Bound by flops: two for each element of y, channel of its group and tap.
// Lists are innermost first; where there are fewer than three spatial dims, the others are 1.
//
// Each thread gathers one place in up to EACH_CHANNEL channels from those elements of y
// that the taps put there, so nothing is added from two sides. Between two elements of y
// there is nothing; what lies outside is 0, and is multiplied.

#define EACH_CHANNEL 4

struct arguments {
    int groups, n, inputs, outputs;
    list x_dims, taps, y_dims, step, before, apart;
};

kernel void flowrun_convolution_input(device const T *y [[buffer(0)]], device const T *weight [[buffer(1)]], device U *out [[buffer(2)]],
                                      constant arguments &with [[buffer(3)]], uint number [[thread_position_in_grid]]) {
    if (number >= (uint)with.n) {
        return;
    }
    int groups = with.groups, inputs = with.inputs, outputs = with.outputs;
    constant list &x_dims = with.x_dims, &taps = with.taps, &y_dims = with.y_dims;
    constant list &step = with.step, &before = with.before, &apart = with.apart;
    int i = (int)number;
    int area = x_dims.s[0] * x_dims.s[1], positions = area * x_dims.s[2], place = i % positions;
    int i0 = place % x_dims.s[0], i1 = place / x_dims.s[0] % x_dims.s[1], i2 = place / area;
    int blocks = (inputs + EACH_CHANNEL - 1) / EACH_CHANNEL, rest = i / positions;
    int channel = rest % blocks * EACH_CHANNEL, group = rest / blocks % groups, example = rest / blocks / groups;
    int volume = y_dims.s[0] * y_dims.s[1] * y_dims.s[2], kernel_size = taps.s[0] * taps.s[1] * taps.s[2];
    device const T *from = y + (example * groups + group) * outputs * volume;
    int column[EACH_CHANNEL];
    C sums[EACH_CHANNEL];
    for (int e = 0; e < EACH_CHANNEL; e++) {
        column[e] = (group * outputs * inputs + (channel + e < inputs ? channel + e : inputs - 1)) * kernel_size;
        sums[e] = (C)0;
    }
    int tap = 0;
    for (int k2 = 0; k2 < taps.s[2]; k2++) {
        int q2 = i2 + before.s[2] - k2 * apart.s[2], p2 = q2 / step.s[2];
        for (int k1 = 0; k1 < taps.s[1]; k1++) {
            int q1 = i1 + before.s[1] - k1 * apart.s[1], p1 = q1 / step.s[1];
            for (int k0 = 0; k0 < taps.s[0]; k0++, tap++) {
                int q0 = i0 + before.s[0] - k0 * apart.s[0], p0 = q0 / step.s[0];
                if (p0 * step.s[0] != q0 || p1 * step.s[1] != q1 || p2 * step.s[2] != q2) {
                    continue;
                }
                bool inside = (u32)p0 < (u32)y_dims.s[0] && (u32)p1 < (u32)y_dims.s[1] && (u32)p2 < (u32)y_dims.s[2];
                for (int c = 0; c < outputs; c++) {
                    C v = inside ? LOAD(T, from, c * volume + (p2 * y_dims.s[1] + p1) * y_dims.s[0] + p0) : (C)0;
                    for (int e = 0; e < EACH_CHANNEL; e++) {
                        sums[e] = MULTIPLY_ADD(v, LOAD(T, weight, column[e] + c * inputs * kernel_size + tap), sums[e]);
                    }
                }
            }
        }
    }
    for (int e = 0; e < EACH_CHANNEL; e++) {
        if (channel + e < inputs) {
            STORE(U, out, ((example * groups + group) * inputs + channel + e) * positions + place, sums[e]);
        }
    }
}
