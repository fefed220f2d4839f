// where: input where condition holds, else other, elementwise.
//
// condition bool [...], input [...], other [...] → out, the shape to which all
// broadcast. Bound by bytes.

static inline C BODY(where)(int condition, C input, C other) { return condition ? input : other; }

#ifndef FUSED
kernel void flowrun_where(global const b8 *condition, global const T *input, global const T *other, global T *out,
                          int n, int8 dims, int8 condition_step, int8 input_step, int8 other_step) {
    int i = get_global_id(0);
    if (i < n) {
        int c = LOAD(b8, condition, place(i, dims, condition_step));
        C x = LOAD(T, input, place(i, dims, input_step));
        C y = LOAD(T, other, place(i, dims, other_step));
        STORE(T, out, i, BODY(where)(c, x, y));
    }
}
#endif
