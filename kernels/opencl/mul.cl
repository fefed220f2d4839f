// mul: a · b, elementwise.
//
// a [...], b [...] → out, the shape to which both broadcast. Bound by bytes.
//
// Integers wrap around.

static inline C BODY(mul)(C a, C b) { return (C)((W)a * (W)b); }

#ifndef FUSED
kernel void flowrun_mul(global const T *a, global const T *b, global T *out,
                        int n, int8 dims, int8 a_step, int8 b_step) {
    int i = get_global_id(0);
    if (i < n) {
        C x = LOAD(T, a, place(i, dims, a_step));
        C y = LOAD(T, b, place(i, dims, b_step));
        STORE(T, out, i, BODY(mul)(x, y));
    }
}
#endif
