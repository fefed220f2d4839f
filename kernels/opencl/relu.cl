// relu: max(x, 0), elementwise.
//
// x [...] → out [...]. Bound by bytes.
//
// NaN stays.

static inline C BODY(relu)(C x) { return x > (C)0 || IS_NAN(x) ? x : (C)0; }

#ifndef FUSED
kernel void flowrun_relu(global const T *x, global T *out, int n) {
    int i = get_global_id(0);
    if (i < n) {
        STORE(T, out, i, BODY(relu)(LOAD(T, x, i)));
    }
}
#endif
