// sigmoid: 1 / (1 + exp(-x)), elementwise.
//
// x [...] → out [...]. Bound by flops.

static inline C BODY(sigmoid)(C x) {
    C e = exp(-fabs(x)); // never overflows
    return (x < (C)0 ? e : (C)1) / ((C)1 + e);
}

#ifndef FUSED
kernel void flowrun_sigmoid(global const T *x, global T *out, int n) {
    int i = get_global_id(0);
    if (i < n) {
        STORE(T, out, i, BODY(sigmoid)(LOAD(T, x, i)));
    }
}
#endif
