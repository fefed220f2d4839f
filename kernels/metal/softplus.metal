// softplus: log(1 + e^(beta·x)) / beta, and x itself where beta·x > threshold,
// elementwise.
//
// x [...] → out [...]. Bound by flops.
DEVICE C BODY(softplus)(C x, S beta, S threshold) {
    C u = x * beta;
    return u > threshold ? x : ((u > (C)0 ? u : (C)0) + log1p(exp(-fabs(u)))) / beta;
}
