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

struct arguments {
    int adaptive;
    int n;
    list g_dims, out_dims, window, step, before, apart;
};

kernel void flowrun_max_pool_grad(device const T *g [[buffer(0)]], device const i32 *index [[buffer(1)]], device T *out [[buffer(2)]],
                                  constant arguments &with [[buffer(3)]], uint i [[thread_position_in_grid]]) {
    if (i >= (uint)with.n) {
        return;
    }
    int rest = i, mine = 0, stride = 1, place;
    place = rest % with.out_dims.s[0];
    rest /= with.out_dims.s[0];
    mine += place * stride;
    stride *= with.out_dims.s[0];
    span over_x = windows_over(place, with.out_dims.s[0], with.g_dims.s[0], with.window.s[0], with.step.s[0], with.before.s[0], with.apart.s[0], with.adaptive);
    place = rest % with.out_dims.s[1];
    rest /= with.out_dims.s[1];
    mine += place * stride;
    stride *= with.out_dims.s[1];
    span over_y = windows_over(place, with.out_dims.s[1], with.g_dims.s[1], with.window.s[1], with.step.s[1], with.before.s[1], with.apart.s[1], with.adaptive);
    place = rest % with.out_dims.s[2];
    rest /= with.out_dims.s[2];
    mine += place * stride;
    stride *= with.out_dims.s[2];
    span over_z = windows_over(place, with.out_dims.s[2], with.g_dims.s[2], with.window.s[2], with.step.s[2], with.before.s[2], with.apart.s[2], with.adaptive);
    int first = rest * (with.g_dims.s[2] * with.g_dims.s[1] * with.g_dims.s[0]);
    C sum = (C)0;
    for (int z = over_z.first; z < over_z.end; z++) {
        for (int y = over_y.first; y < over_y.end; y++) {
            for (int x = over_x.first; x < over_x.end; x++) {
                int at = first + (z * with.g_dims.s[1] + y) * with.g_dims.s[0] + x;
                if (index[at] == mine) {
                    sum += LOAD(T, g, at);
                }
            }
        }
    }
    STORE(T, out, i, sum);
}
