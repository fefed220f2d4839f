// lt: whether a is below b, elementwise.
//
// a [...], b [...] → out bool, the shape to which both broadcast. Bound by bytes.
//
// False if one is NaN.

static inline int BODY(lt)(C a, C b) { return a < b; }

#ifndef FUSED
struct arguments {
    int n;
    list dims, a_step, b_step;
};

kernel void flowrun_lt(device const T *a [[buffer(0)]], device const T *b [[buffer(1)]], device b8 *out [[buffer(2)]],
                       constant arguments &with [[buffer(3)]], uint i [[thread_position_in_grid]]) {
    if (i < (uint)with.n) {
        C x = LOAD(T, a, place(i, with.dims, with.a_step));
        C y = LOAD(T, b, place(i, with.dims, with.b_step));
        STORE(b8, out, i, BODY(lt)(x, y));
    }
}
#endif
