// max_pool_grad: values of windows, added up at the elements whose index they have. Each
// element looks through the windows that cover it, in their order, so the sum is the same
// in every run; it is rounded once.
//
// g [..., windows], index of g's shape → out [..., sizes]. Lists are innermost first; a
// dimension that isn't pooled has windows of 1. Bound by bytes.

// The windows that cover an element along a dimension: from first up to end.
struct span {
    int first, end;
};

DEVICE span windows_over(int i, int size, int windows, int window, int step, int before, int apart, bool adaptive) {
    span s;
    if (adaptive) {
        s.first = (u32)i * (u32)windows / (u32)size;
        s.end = ((u32)(i + 1) * (u32)windows + (u32)size - 1) / (u32)size;
        return s;
    }
    int last = i + before, least = last - (window - 1) * apart;
    s.first = least > 0 ? (least + step - 1) / step : 0;
    s.end = last / step + 1 < windows ? last / step + 1 : windows;
    return s;
}

extern "C" __global__ void flowrun_max_pool_grad(const T *g, const i32 *index, T *out, int adaptive,
                                                 int n, list g_dims, list out_dims, list window, list step, list before, list apart) {
    move(out, n, [&](int i) {
        int rest = i, mine = 0, stride = 1, place;
        place = rest % out_dims.s[0];
        rest /= out_dims.s[0];
        mine += place * stride;
        stride *= out_dims.s[0];
        span over_x = windows_over(place, out_dims.s[0], g_dims.s[0], window.s[0], step.s[0], before.s[0], apart.s[0], adaptive);
        place = rest % out_dims.s[1];
        rest /= out_dims.s[1];
        mine += place * stride;
        stride *= out_dims.s[1];
        span over_y = windows_over(place, out_dims.s[1], g_dims.s[1], window.s[1], step.s[1], before.s[1], apart.s[1], adaptive);
        place = rest % out_dims.s[2];
        rest /= out_dims.s[2];
        mine += place * stride;
        stride *= out_dims.s[2];
        span over_z = windows_over(place, out_dims.s[2], g_dims.s[2], window.s[2], step.s[2], before.s[2], apart.s[2], adaptive);
        int first = rest * (g_dims.s[2] * g_dims.s[1] * g_dims.s[0]);
        C sum = (C)0;
        for (int z = over_z.first; z < over_z.end; z++) {
            for (int y = over_y.first; y < over_y.end; y++) {
                for (int x = over_x.first; x < over_x.end; x++) {
                    int at = first + (z * g_dims.s[1] + y) * g_dims.s[0] + x;
                    if (index[at] == mine) {
                        sum += LOAD(T, g, at);
                    }
                }
            }
        }
        T result;
        STORE(T, &result, 0, sum);
        return result;
    });
}
