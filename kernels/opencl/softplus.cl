// softplus: log(1 + e^(beta·x)) / beta, and x itself where beta·x > threshold,
// elementwise.
//
// x [...] → out [...]. Bound by flops.

static inline C BODY(softplus)(C x, S beta, S threshold) {
    C u = x * beta;
    return u > threshold ? x : (fmax(u, (C)0) + log1p(exp(-fabs(u)))) / beta;
}

#ifndef FUSED
kernel void flowrun_softplus(global const T *x, global T *out, S beta, S threshold, int n) {
    int i = get_global_id(0);
    if (i < n) {
        STORE(T, out, i, BODY(softplus)(LOAD(T, x, i), beta, threshold));
    }
}
#endif
