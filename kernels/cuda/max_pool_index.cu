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

extern "C" __global__ void flowrun_max_pool_index(const T *x, i32 *out, int adaptive,
                                       int n, list x_dims, list out_dims, list window, list step, list before, list apart) {
    move(out, n, [&](int i) {
        int rest = i, place;
        place = rest % out_dims.s[0];
        rest /= out_dims.s[0];
        span over_x = span_of(place, x_dims.s[0], out_dims.s[0], window.s[0], step.s[0], before.s[0], apart.s[0], adaptive);
        place = rest % out_dims.s[1];
        rest /= out_dims.s[1];
        span over_y = span_of(place, x_dims.s[1], out_dims.s[1], window.s[1], step.s[1], before.s[1], apart.s[1], adaptive);
        place = rest % out_dims.s[2];
        rest /= out_dims.s[2];
        span over_z = span_of(place, x_dims.s[2], out_dims.s[2], window.s[2], step.s[2], before.s[2], apart.s[2], adaptive);
        const T *plane = x + rest * (x_dims.s[2] * x_dims.s[1] * x_dims.s[0]);
        C best = (C)0;
        int index = -1;
        for (int z = over_z.first; z < over_z.end; z += apart.s[2]) {
            for (int y = over_y.first; y < over_y.end; y += apart.s[1]) {
                for (int x0 = over_x.first; x0 < over_x.end; x0 += apart.s[0]) {
                    int at = (z * x_dims.s[1] + y) * x_dims.s[0] + x0;
                    C v = LOAD(T, plane, at);
                    if (index < 0 || v > best || (IS_NAN(v) && !IS_NAN(best))) {
                        best = v;
                        index = at;
                    }
                }
            }
        }
        return index;
    });
}
