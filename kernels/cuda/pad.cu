// pad: x with a value around it. Lists are innermost first. Neither x nor its padding
// says which dimensions could be one, so this goes through all that there are.
//
// x [...] → out, whose dimension i is larger by padding[2i] before and padding[2i+1]
// after. Bound by bytes.

extern "C" __global__ void flowrun_pad(const T *x, T *out, C value, int n, list out_dims, list x_dims, list before) {
    move(out, n, [&](int i) {
        int at = 0, stride = 1;
        bool inside = true;
#pragma unroll
        for (int d = 0; d < 8; d++) {
            if (out_dims.s[d] != 1 || x_dims.s[d] != 1) {
                int next = (u32)i / (u32)out_dims.s[d];
                int here = i - next * out_dims.s[d] - before.s[d];
                inside = inside && here >= 0 && here < x_dims.s[d];
                at += here * stride;
                stride *= x_dims.s[d];
                i = next;
            }
        }
        T padding;
        STORE(T, &padding, 0, value);
        return inside ? x[at] : padding;
    });
}
