// sub: a - b, elementwise.
//
// a [...], b [...] → out, the shape to which both broadcast. Bound by bytes.
//
// Integers wrap around.

static inline C BODY(sub)(C a, C b) { return (C)((W)a - (W)b); }

#ifndef FUSED
struct arguments {
    int n;
    list dims, a_step, b_step;
};

kernel void flowrun_sub(device const T *a [[buffer(0)]], device const T *b [[buffer(1)]], device T *out [[buffer(2)]],
                        constant arguments &with [[buffer(3)]], uint i [[thread_position_in_grid]]) {
    if (i < (uint)with.n) {
        C x = LOAD(T, a, place(i, with.dims, with.a_step));
        C y = LOAD(T, b, place(i, with.dims, with.b_step));
        STORE(T, out, i, BODY(sub)(x, y));
    }
}
#endif
