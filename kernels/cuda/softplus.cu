// softplus: log(1 + e^(beta·x)) / beta, and x itself where beta·x > threshold,
// elementwise.
//
// x [...] → out [...]. Bound by flops.

DEVICE C BODY(softplus)(C x, S beta, S threshold) {
    C u = x * beta;
    return u > threshold ? x : ((u > (C)0 ? u : (C)0) + math::log1p(math::exp(-math::abs(u)))) / beta;
}

#ifndef FUSED
extern "C" __global__ void flowrun_softplus(const T *x, T *out, S beta, S threshold, int n) {
    map(out, n, [=](C v) { return BODY(softplus)(v, beta, threshold); }, along(x));
}
#endif
