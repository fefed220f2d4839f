// convolution: x convolved with weight, in groups of channels.
//
// x [batch, groups · in, …], weight [groups · out, in, …] → out [batch, groups · out,
// …sizes]. Bound by flops: two for each element of out, channel of its group and tap.
// Lists are innermost first; where there are fewer than three spatial dims, the others are 1.
//
// Each thread computes one place in up to EACH_CHANNEL channels, so that an element of x
// that is read serves as many multiplications; its neighbours read neighbouring elements,
// and the same weights. What lies outside x is 0, and is multiplied.

#define EACH_CHANNEL 4

extern "C" __global__ void flowrun_convolution(const T *x, const T *weight, U *out,
                                               int groups, int n, int inputs, int outputs,
                                               list x_dims, list taps, list y_dims, list step, list before, list apart) {
    i64 thread = (i64)blockIdx.x * blockDim.x + threadIdx.x;
    if (thread >= n) {
        return;
    }
    int i = (int)thread;
    int area = y_dims.s[0] * y_dims.s[1], positions = area * y_dims.s[2], place = i % positions;
    int p0 = place % y_dims.s[0], p1 = place / y_dims.s[0] % y_dims.s[1], p2 = place / area;
    int blocks = (outputs + EACH_CHANNEL - 1) / EACH_CHANNEL, rest = i / positions;
    int channel = rest % blocks * EACH_CHANNEL, group = rest / blocks % groups, example = rest / blocks / groups;
    int volume = x_dims.s[0] * x_dims.s[1] * x_dims.s[2], kernel_size = taps.s[0] * taps.s[1] * taps.s[2];
    const T *from = x + (example * groups + group) * inputs * volume;
    const T *row[EACH_CHANNEL];
    C sums[EACH_CHANNEL];
#pragma unroll
    for (int e = 0; e < EACH_CHANNEL; e++) {
        row[e] = weight + (group * outputs + (channel + e < outputs ? channel + e : outputs - 1)) * inputs * kernel_size;
        sums[e] = (C)0;
    }
    for (int c = 0; c < inputs; c++) {
        int tap = c * kernel_size;
        for (int k2 = 0; k2 < taps.s[2]; k2++) {
            int i2 = p2 * step.s[2] + k2 * apart.s[2] - before.s[2];
            for (int k1 = 0; k1 < taps.s[1]; k1++) {
                int i1 = p1 * step.s[1] + k1 * apart.s[1] - before.s[1];
                for (int k0 = 0; k0 < taps.s[0]; k0++, tap++) {
                    int i0 = p0 * step.s[0] + k0 * apart.s[0] - before.s[0];
                    int inside = (u32)i0 < (u32)x_dims.s[0] && (u32)i1 < (u32)x_dims.s[1] && (u32)i2 < (u32)x_dims.s[2];
                    C v = inside ? LOAD(T, from, c * volume + (i2 * x_dims.s[1] + i1) * x_dims.s[0] + i0) : (C)0;
#pragma unroll
                    for (int e = 0; e < EACH_CHANNEL; e++) {
                        sums[e] = MULTIPLY_ADD(v, LOAD(T, row[e], tap), sums[e]);
                    }
                }
            }
        }
    }
#pragma unroll
    for (int e = 0; e < EACH_CHANNEL; e++) {
        if (channel + e < outputs) {
            STORE(U, out, ((example * groups + group) * outputs + channel + e) * positions + place, sums[e]);
        }
    }
}
