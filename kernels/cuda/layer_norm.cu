// layer_norm: x less its mean, over its standard deviation, times weight, plus
// bias, along the last dimension (Ba, Kiros and Hinton, "Layer normalization",
// 2016).
//
// x [..., d], weight [d], bias [d] → out [..., d]. Bound by bytes.
//
// Each row has a team of threads, which goes over it three times: for the mean, for
// the variance (the population's, with eps added), and for the result; from memory
// or, if each member has at most HELD elements, from registers.

DEVICE C add(C a, C b) { return a + b; }

extern "C" __global__ void flowrun_layer_norm(const T *x, const T *weight, const T *bias, T *out,
                                              S eps, int rows, int n, int team) {
    post p = post_in(team);
    int count = p.row < rows ? n : 0;
    x += (i64)p.row * n;
    out += (i64)p.row * n;
    C all = (C)0, squares = (C)0;
    if (n <= HELD * team) {
        C v[HELD];
        hold(v, x, 1, count, p.member, team);
        deal(count, p.member, team, [&](int k, int) { all += v[k]; });
        C mean = team_fold(all, team, add) / (C)n;
        deal(count, p.member, team, [&](int k, int) {
            v[k] -= mean;
            squares += v[k] * v[k];
        });
        C scale = (C)1 / sqrt(team_fold(squares, team, add) / (C)n + eps);
        deal_out(out, count, p.member, team, [&](int k, int i) { // weight and bias are in a cache
            auto w = load_batch(weight + i, 1, count - i), b = load_batch(bias + i, 1, count - i);
#pragma unroll
            for (int e = 0; e < EACH; e++) {
                w.v[e] = v[k + e] * scale * w.v[e] + b.v[e];
            }
            return w;
        });
        return;
    }
    for (int i = p.member; i < count; i += team) {
        all += LOAD(T, x, i);
    }
    C mean = team_fold(all, team, add) / (C)n;
    for (int i = p.member; i < count; i += team) {
        C e = LOAD(T, x, i) - mean;
        squares += e * e;
    }
    C scale = (C)1 / sqrt(team_fold(squares, team, add) / (C)n + eps);
    for (int i = p.member; i < count; i += team) {
        C e = LOAD(T, x, i) - mean;
        STORE(T, out, i, e * scale * LOAD(T, weight, i) + LOAD(T, bias, i));
    }
}
