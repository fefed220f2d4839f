// silu: x · sigmoid(x) = x / (1 + exp(-x)), elementwise.
//
// x [...] → out [...]. Bound by flops.
//
// At -∞ it is NaN, as the formula has it.

static inline C BODY(silu)(C x) {
    C e = exp(-fabs(x)); // never overflows
    return x * ((x < (C)0 ? e : (C)1) / ((C)1 + e));
}

#ifndef FUSED
kernel void flowrun_silu(global const T *x, global T *out, int n) {
    int i = get_global_id(0);
    if (i < n) {
        STORE(T, out, i, BODY(silu)(LOAD(T, x, i)));
    }
}
#endif
