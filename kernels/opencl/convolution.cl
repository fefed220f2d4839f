// convolution: x convolved with weight, in groups of channels.
//
// x [batch, groups · in, …], weight [groups · out, in, …] → out [batch, groups · out,
// …sizes]. Bound by flops: two for each element of out, channel of its group and tap.
// Lists are innermost first; where there are fewer than three spatial dims, the others are 1.
//
// Each work-item computes one place in up to EACH_CHANNEL channels, so that an element of x
// that is read serves as many multiplications; its neighbours read neighbouring elements,
// and the same weights. What lies outside x is 0, and is multiplied.

#define EACH_CHANNEL 4

kernel void flowrun_convolution(global const T *x, global const T *weight, global U *out,
                                int groups, int n, int inputs, int outputs,
                                int8 x_dims, int8 taps, int8 y_dims, int8 step, int8 before, int8 apart) {
    int i = get_global_id(0);
    if (i >= n) {
        return;
    }
    int area = y_dims.s0 * y_dims.s1, positions = area * y_dims.s2, place = i % positions;
    int p0 = place % y_dims.s0, p1 = place / y_dims.s0 % y_dims.s1, p2 = place / area;
    int blocks = (outputs + EACH_CHANNEL - 1) / EACH_CHANNEL, rest = i / positions;
    int channel = rest % blocks * EACH_CHANNEL, group = rest / blocks % groups, example = rest / blocks / groups;
    int volume = x_dims.s0 * x_dims.s1 * x_dims.s2, kernel_size = taps.s0 * taps.s1 * taps.s2;
    global const T *from = x + (example * groups + group) * inputs * volume;
    global const T *row[EACH_CHANNEL];
    C sums[EACH_CHANNEL];
    for (int e = 0; e < EACH_CHANNEL; e++) {
        row[e] = weight + (group * outputs + (channel + e < outputs ? channel + e : outputs - 1)) * inputs * kernel_size;
        sums[e] = (C)0;
    }
    for (int c = 0; c < inputs; c++) {
        int tap = c * kernel_size;
        for (int k2 = 0; k2 < taps.s2; k2++) {
            int i2 = p2 * step.s2 + k2 * apart.s2 - before.s2;
            for (int k1 = 0; k1 < taps.s1; k1++) {
                int i1 = p1 * step.s1 + k1 * apart.s1 - before.s1;
                for (int k0 = 0; k0 < taps.s0; k0++, tap++) {
                    int i0 = p0 * step.s0 + k0 * apart.s0 - before.s0;
                    int inside = (uint)i0 < (uint)x_dims.s0 && (uint)i1 < (uint)x_dims.s1 && (uint)i2 < (uint)x_dims.s2;
                    C v = inside ? LOAD(T, from, c * volume + (i2 * x_dims.s1 + i1) * x_dims.s0 + i0) : (C)0;
                    for (int e = 0; e < EACH_CHANNEL; e++) {
                        sums[e] = MULTIPLY_ADD(v, LOAD(T, row[e], tap), sums[e]);
                    }
                }
            }
        }
    }
    for (int e = 0; e < EACH_CHANNEL; e++) {
        if (channel + e < outputs) {
            STORE(U, out, ((example * groups + group) * outputs + channel + e) * positions + place, sums[e]);
        }
    }
}
