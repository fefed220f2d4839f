// logical_or: whether one of them is not 0, elementwise.
//
// a [...], b [...] → out bool, the shape to which both broadcast. Bound by bytes.
//
// NaN is not 0.

static inline int BODY(logical_or)(C a, C b) { return a != (C)0 || b != (C)0; }

#ifndef FUSED
kernel void flowrun_logical_or(global const T *a, global const T *b, global b8 *out,
                               int n, int8 dims, int8 a_step, int8 b_step) {
    int i = get_global_id(0);
    if (i < n) {
        C x = LOAD(T, a, place(i, dims, a_step));
        C y = LOAD(T, b, place(i, dims, b_step));
        STORE(b8, out, i, BODY(logical_or)(x, y));
    }
}
#endif
