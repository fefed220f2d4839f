// softplus: log(1 + e^(beta·x)) / beta, and x itself where beta·x > threshold,
// elementwise.
//
// x [...] → out [...]. Bound by flops.

static inline C BODY(softplus)(C x, S beta, S threshold) {
    C u = x * beta;
    return u > threshold ? x : ((u > (C)0 ? u : (C)0) + own::log1p(own::exp(-own::abs(u)))) / beta;
}

#ifndef FUSED
struct arguments {
    S beta, threshold;
    int n;
};

kernel void flowrun_softplus(device const T *x [[buffer(0)]], device T *out [[buffer(1)]],
                             constant arguments &with [[buffer(2)]], uint i [[thread_position_in_grid]]) {
    if (i < (uint)with.n) {
        STORE(T, out, i, BODY(softplus)(LOAD(T, x, i), with.beta, with.threshold));
    }
}
#endif
