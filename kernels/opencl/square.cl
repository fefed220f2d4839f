// square: x · x, elementwise.
//
// x [...] → out [...]. Bound by bytes.

static inline C BODY(square)(C x) { return (C)((W)x * (W)x); }

#ifndef FUSED
kernel void flowrun_square(global const T *x, global T *out, int n) {
    int i = get_global_id(0);
    if (i < n) {
        STORE(T, out, i, BODY(square)(LOAD(T, x, i)));
    }
}
#endif
