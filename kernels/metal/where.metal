// where: input where condition holds, else other, elementwise.
//
// condition bool [...], input [...], other [...] → out, the shape to which all
// broadcast. Bound by bytes.

static inline C BODY(where)(int condition, C input, C other) { return condition ? input : other; }

#ifndef FUSED
struct arguments {
    int n;
    list dims, condition_step, input_step, other_step;
};

kernel void flowrun_where(device const b8 *condition [[buffer(0)]], device const T *input [[buffer(1)]],
                          device const T *other [[buffer(2)]], device T *out [[buffer(3)]],
                          constant arguments &with [[buffer(4)]], uint i [[thread_position_in_grid]]) {
    if (i < (uint)with.n) {
        int c = LOAD(b8, condition, place(i, with.dims, with.condition_step));
        C x = LOAD(T, input, place(i, with.dims, with.input_step));
        C y = LOAD(T, other, place(i, with.dims, with.other_step));
        STORE(T, out, i, BODY(where)(c, x, y));
    }
}
#endif
