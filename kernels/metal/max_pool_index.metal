// max_pool_index: where in its plane max_pool finds what it takes: the first of equals, or
// the first NaN; -1 if the window has no elements.
//
// x [..., sizes] → out i32 [..., windows]. Lists are innermost first; a dimension that
// isn't pooled has windows of 1. Bound by bytes.

// Where a window has elements along a dimension: from first up to end.
struct span {
    int first, end;
};

DEVICE span span_of(int o, int size, int windows, int window, int step, int before, int apart, bool adaptive) {
    span s;
    if (adaptive) {
        s.first = (u32)o * (u32)size / (u32)windows;
        s.end = ((u32)(o + 1) * (u32)size + (u32)windows - 1) / (u32)windows;
        return s;
    }
    s.first = o * step - before;
    s.end = s.first + window * apart < size ? s.first + window * apart : size;
    if (s.first < 0) {
        s.first += (apart - 1 - s.first) / apart * apart;
    }
    return s;
}

struct arguments {
    int adaptive;
    int n;
    list x_dims, out_dims, window, step, before, apart;
};

kernel void flowrun_max_pool_index(device const T *x [[buffer(0)]], device i32 *out [[buffer(1)]],
                        constant arguments &with [[buffer(2)]], uint i [[thread_position_in_grid]]) {
    if (i >= (uint)with.n) {
        return;
    }
    int rest = i, place;
    place = rest % with.out_dims.s[0];
    rest /= with.out_dims.s[0];
    span over_x = span_of(place, with.x_dims.s[0], with.out_dims.s[0], with.window.s[0], with.step.s[0], with.before.s[0], with.apart.s[0], with.adaptive);
    place = rest % with.out_dims.s[1];
    rest /= with.out_dims.s[1];
    span over_y = span_of(place, with.x_dims.s[1], with.out_dims.s[1], with.window.s[1], with.step.s[1], with.before.s[1], with.apart.s[1], with.adaptive);
    place = rest % with.out_dims.s[2];
    rest /= with.out_dims.s[2];
    span over_z = span_of(place, with.x_dims.s[2], with.out_dims.s[2], with.window.s[2], with.step.s[2], with.before.s[2], with.apart.s[2], with.adaptive);
    device const T *plane = x + rest * (with.x_dims.s[2] * with.x_dims.s[1] * with.x_dims.s[0]);
    C best = (C)0;
    int index = -1;
    for (int z = over_z.first; z < over_z.end; z += with.apart.s[2]) {
        for (int y = over_y.first; y < over_y.end; y += with.apart.s[1]) {
            for (int x0 = over_x.first; x0 < over_x.end; x0 += with.apart.s[0]) {
                int at = (z * with.x_dims.s[1] + y) * with.x_dims.s[0] + x0;
                C v = LOAD(T, plane, at);
                if (index < 0 || v > best || (IS_NAN(v) && !IS_NAN(best))) {
                    best = v;
                    index = at;
                }
            }
        }
    }
    out[i] = index;
}
