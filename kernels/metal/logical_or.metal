// logical_or: whether one of them is not 0, elementwise.
//
// a [...], b [...] → out bool, the shape to which both broadcast. Bound by bytes.
//
// NaN is not 0.

static inline int BODY(logical_or)(C a, C b) { return a != (C)0 || b != (C)0; }

#ifndef FUSED
struct arguments {
    int n;
    list dims, a_step, b_step;
};

kernel void flowrun_logical_or(device const T *a [[buffer(0)]], device const T *b [[buffer(1)]],
                               device b8 *out [[buffer(2)]], constant arguments &with [[buffer(3)]],
                               uint i [[thread_position_in_grid]]) {
    if (i < (uint)with.n) {
        C x = LOAD(T, a, place(i, with.dims, with.a_step));
        C y = LOAD(T, b, place(i, with.dims, with.b_step));
        STORE(b8, out, i, BODY(logical_or)(x, y));
    }
}
#endif
