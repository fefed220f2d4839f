// ge: whether a is at least b, elementwise.
//
// a [...], b [...] → out bool, the shape to which both broadcast. Bound by bytes.
//
// False if one is NaN.

static inline int BODY(ge)(C a, C b) { return a >= b; }

#ifndef FUSED
kernel void flowrun_ge(global const T *a, global const T *b, global b8 *out,
                       int n, int8 dims, int8 a_step, int8 b_step) {
    int i = get_global_id(0);
    if (i < n) {
        C x = LOAD(T, a, place(i, dims, a_step));
        C y = LOAD(T, b, place(i, dims, b_step));
        STORE(b8, out, i, BODY(ge)(x, y));
    }
}
#endif
