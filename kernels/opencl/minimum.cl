// minimum: the smaller of a and b, elementwise.
//
// a [...], b [...] → out, the shape to which both broadcast. Bound by bytes.
//
// NaN if one is NaN.

static inline C BODY(minimum)(C a, C b) { return a < b || IS_NAN(a) ? a : b; }

#ifndef FUSED
kernel void flowrun_minimum(global const T *a, global const T *b, global T *out,
                            int n, int8 dims, int8 a_step, int8 b_step) {
    int i = get_global_id(0);
    if (i < n) {
        C x = LOAD(T, a, place(i, dims, a_step));
        C y = LOAD(T, b, place(i, dims, b_step));
        STORE(T, out, i, BODY(minimum)(x, y));
    }
}
#endif
