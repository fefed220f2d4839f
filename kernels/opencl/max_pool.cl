// max_pool: the largest element of each window along the last one to three dimensions.
// A window that has a NaN gives NaN, and one without elements the least value.
//
// x [..., sizes] → out [..., windows]. Lists are innermost first; a dimension that isn't
// pooled has windows of 1. Bound by bytes.

// Where a window has elements along a dimension: from first up to end.
typedef struct {
    int first, end;
} span;

DEVICE span span_of(int o, int size, int windows, int window, int step, int before, int apart, int adaptive) {
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

kernel void flowrun_max_pool(global const T *x, global T *out, int adaptive,
                        int n, int8 x_dims, int8 out_dims, int8 window, int8 step, int8 before, int8 apart) {
    int i = get_global_id(0);
    if (i >= n) {
        return;
    }
    int rest = i, place;
    place = rest % out_dims.s0;
    rest /= out_dims.s0;
    span over_x = span_of(place, x_dims.s0, out_dims.s0, window.s0, step.s0, before.s0, apart.s0, adaptive);
    place = rest % out_dims.s1;
    rest /= out_dims.s1;
    span over_y = span_of(place, x_dims.s1, out_dims.s1, window.s1, step.s1, before.s1, apart.s1, adaptive);
    place = rest % out_dims.s2;
    rest /= out_dims.s2;
    span over_z = span_of(place, x_dims.s2, out_dims.s2, window.s2, step.s2, before.s2, apart.s2, adaptive);
    global const T *plane = x + rest * (x_dims.s2 * x_dims.s1 * x_dims.s0);
    C best = LOWEST(T);
    for (int z = over_z.first; z < over_z.end; z += apart.s2) {
        for (int y = over_y.first; y < over_y.end; y += apart.s1) {
            for (int x0 = over_x.first; x0 < over_x.end; x0 += apart.s0) {
                int at = (z * x_dims.s1 + y) * x_dims.s0 + x0;
                C v = LOAD(T, plane, at);
                if (v > best || IS_NAN(v)) {
                    best = v;
                }
            }
        }
    }
    STORE(T, out, i, best);
}
