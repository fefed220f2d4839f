// rms_norm: x over its root mean square, times weight, along the last dimension
// (Zhang and Sennrich, "Root mean square layer normalization", 2019).
//
// x [..., d], weight [d] → out [..., d]. Bound by bytes.
//
// Each row has a team of threads, which goes over it twice: for the mean of squares,
// to which eps is added, and for the result; from memory or, if each member has at
// most HELD elements, from registers.

DEVICE C add(C a, C b) { return a + b; }

extern "C" __global__ void flowrun_rms_norm(const T *x, const T *weight, T *out,
                                            S eps, int rows, int n, int team) {
    post p = post_in(team);
    int count = p.row < rows ? n : 0;
    x += (i64)p.row * n;
    out += (i64)p.row * n;
    C squares = (C)0;
    if (n <= HELD * team) {
        C v[HELD];
        hold(v, x, 1, count, p.member, team);
        deal(count, p.member, team, [&](int k, int) { squares += v[k] * v[k]; });
        C scale = (C)1 / sqrt(team_fold(squares, team, add) / (C)n + eps);
        deal_out(out, count, p.member, team, [&](int k, int i) { // weight is in a cache
            auto w = load_batch(weight + i, 1, count - i);
#pragma unroll
            for (int e = 0; e < EACH; e++) {
                w.v[e] = v[k + e] * scale * w.v[e];
            }
            return w;
        });
        return;
    }
    for (int i = p.member; i < count; i += team) {
        C v = LOAD(T, x, i);
        squares += v * v;
    }
    C scale = (C)1 / sqrt(team_fold(squares, team, add) / (C)n + eps);
    for (int i = p.member; i < count; i += team) {
        STORE(T, out, i, LOAD(T, x, i) * scale * LOAD(T, weight, i));
    }
}
