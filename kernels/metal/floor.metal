// floor: the largest integer not above x, elementwise; integers as they are.
//
// x [...] → out [...]. Bound by bytes.

#if IS_FLOAT(T)
static inline C BODY(floor)(C x) { return own::floor(x); }
#else
static inline C BODY(floor)(C x) { return x; }
#endif

#ifndef FUSED
struct arguments {
    int n;
};

kernel void flowrun_floor(device const T *x [[buffer(0)]], device T *out [[buffer(1)]],
                          constant arguments &with [[buffer(2)]], uint i [[thread_position_in_grid]]) {
    if (i < (uint)with.n) {
        STORE(T, out, i, BODY(floor)(LOAD(T, x, i)));
    }
}
#endif
