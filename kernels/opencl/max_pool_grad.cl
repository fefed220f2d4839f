// max_pool_grad: values of windows, added up at the elements whose index they have. Each
// element looks through the windows that cover it, in their order, so the sum is the same
// in every run; it is rounded once.
//
// g [..., windows], index of g's shape → out [..., sizes]. Lists are innermost first; a
// dimension that isn't pooled has windows of 1. Bound by bytes.

// The windows that cover an element along a dimension: from first up to end.
typedef struct {
    int first, end;
} span;

DEVICE span windows_over(int i, int size, int windows, int window, int step, int before, int apart, int adaptive) {
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

kernel void flowrun_max_pool_grad(global const T *g, global const i32 *index, global T *out, int adaptive,
                                  int n, int8 g_dims, int8 out_dims, int8 window, int8 step, int8 before, int8 apart) {
    int i = get_global_id(0);
    if (i >= n) {
        return;
    }
    int rest = i, mine = 0, stride = 1, place;
    place = rest % out_dims.s0;
    rest /= out_dims.s0;
    mine += place * stride;
    stride *= out_dims.s0;
    span over_x = windows_over(place, out_dims.s0, g_dims.s0, window.s0, step.s0, before.s0, apart.s0, adaptive);
    place = rest % out_dims.s1;
    rest /= out_dims.s1;
    mine += place * stride;
    stride *= out_dims.s1;
    span over_y = windows_over(place, out_dims.s1, g_dims.s1, window.s1, step.s1, before.s1, apart.s1, adaptive);
    place = rest % out_dims.s2;
    rest /= out_dims.s2;
    mine += place * stride;
    stride *= out_dims.s2;
    span over_z = windows_over(place, out_dims.s2, g_dims.s2, window.s2, step.s2, before.s2, apart.s2, adaptive);
    int first = rest * (g_dims.s2 * g_dims.s1 * g_dims.s0);
    C sum = (C)0;
    for (int z = over_z.first; z < over_z.end; z++) {
        for (int y = over_y.first; y < over_y.end; y++) {
            for (int x = over_x.first; x < over_x.end; x++) {
                int at = first + (z * g_dims.s1 + y) * g_dims.s0 + x;
                if (index[at] == mine) {
                    sum += LOAD(T, g, at);
                }
            }
        }
    }
    STORE(T, out, i, sum);
}
