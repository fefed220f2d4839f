// elu: x above 0, and alpha·(e^x - 1) below, elementwise.
//
// x [...] → out [...]. Bound by flops.

static inline C BODY(elu)(C x, S alpha) { return x > (C)0 ? x : alpha * expm1(x); }

#ifndef FUSED
kernel void flowrun_elu(global const T *x, global T *out, S alpha, int n) {
    int i = get_global_id(0);
    if (i < n) {
        STORE(T, out, i, BODY(elu)(LOAD(T, x, i), alpha));
    }
}
#endif
