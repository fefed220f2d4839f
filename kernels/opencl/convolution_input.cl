// convolution_input: the gradient of convolution for x, from that of its value, y; and so
// a transposed convolution.
//
// y [batch, groups · out, …], weight [groups · out, in, …] → out [batch, groups · in,
// …sizes]. Bound by flops: two for each element of y, channel of its group and tap.
// Lists are innermost first; where there are fewer than three spatial dims, the others are 1.
//
// Each work-item gathers one place in up to EACH_CHANNEL channels from those elements of y
// that the taps put there, so nothing is added from two sides. Between two elements of y
// there is nothing; what lies outside is 0, and is multiplied.

#define EACH_CHANNEL 4

kernel void flowrun_convolution_input(global const T *y, global const T *weight, global U *out,
                                      int groups, int n, int inputs, int outputs,
                                      int8 x_dims, int8 taps, int8 y_dims, int8 step, int8 before, int8 apart) {
    int i = get_global_id(0);
    if (i >= n) {
        return;
    }
    int area = x_dims.s0 * x_dims.s1, positions = area * x_dims.s2, place = i % positions;
    int i0 = place % x_dims.s0, i1 = place / x_dims.s0 % x_dims.s1, i2 = place / area;
    int blocks = (inputs + EACH_CHANNEL - 1) / EACH_CHANNEL, rest = i / positions;
    int channel = rest % blocks * EACH_CHANNEL, group = rest / blocks % groups, example = rest / blocks / groups;
    int volume = y_dims.s0 * y_dims.s1 * y_dims.s2, kernel_size = taps.s0 * taps.s1 * taps.s2;
    global const T *from = y + (example * groups + group) * outputs * volume;
    int column[EACH_CHANNEL];
    C sums[EACH_CHANNEL];
    for (int e = 0; e < EACH_CHANNEL; e++) {
        column[e] = (group * outputs * inputs + (channel + e < inputs ? channel + e : inputs - 1)) * kernel_size;
        sums[e] = (C)0;
    }
    int tap = 0;
    for (int k2 = 0; k2 < taps.s2; k2++) {
        int q2 = i2 + before.s2 - k2 * apart.s2, p2 = q2 / step.s2;
        for (int k1 = 0; k1 < taps.s1; k1++) {
            int q1 = i1 + before.s1 - k1 * apart.s1, p1 = q1 / step.s1;
            for (int k0 = 0; k0 < taps.s0; k0++, tap++) {
                int q0 = i0 + before.s0 - k0 * apart.s0, p0 = q0 / step.s0;
                if (p0 * step.s0 != q0 || p1 * step.s1 != q1 || p2 * step.s2 != q2) {
                    continue;
                }
                int inside = (uint)p0 < (uint)y_dims.s0 && (uint)p1 < (uint)y_dims.s1 && (uint)p2 < (uint)y_dims.s2;
                for (int c = 0; c < outputs; c++) {
                    C v = inside ? LOAD(T, from, c * volume + (p2 * y_dims.s1 + p1) * y_dims.s0 + p0) : (C)0;
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
