// log_softmax: x minus the logarithm of the sum of e^x along dim.
//
// x [...] → out [...]. Bound by flops on CPUs, by bytes on GPUs.
//
// Each row along dim has a team of threads, which goes over it three times, from memory or, if each
// member has at most HELD elements, from registers: for
// the largest element, which is subtracted so that nothing overflows; for the sum;
// and for the result.

// A NaN is taken over anything, and nothing over a NaN.
DEVICE C larger(C a, C b) { return b > a || IS_NAN(b) ? b : a; }
DEVICE C add(C a, C b) { return a + b; }

extern "C" __global__ void flowrun_log_softmax(const T *x, T *out, int dim,
                                               int rows, int n, int inner, int team) {
    post p = post_in(team);
    int count = p.row < rows ? n : 0;
    i64 from = (i64)(p.row / inner) * n * inner + p.row % inner;
    x += from;
    out += from;
    C top = -INFINITE, all = (C)0;
    if (n <= HELD * team) {
        C v[HELD];
        hold(v, x, inner, count, p.member, team);
        deal(count, p.member, team, [&](int k, int) { top = larger(top, v[k]); });
        top = team_fold(top, team, larger);
        deal(count, p.member, team, [&](int k, int) { all += exp(v[k] - top); });
        C log_all = log(team_fold(all, team, add));
        deal(count, p.member, team, [&](int k, int) { v[k] = v[k] - top - log_all; });
        give_back(v, out, inner, count, p.member, team);
        return;
    }
    for (int i = p.member; i < count; i += team) {
        top = larger(top, LOAD(T, x, i * inner));
    }
    top = team_fold(top, team, larger);
    for (int i = p.member; i < count; i += team) {
        all += exp(LOAD(T, x, i * inner) - top);
    }
    all = team_fold(all, team, add);
    C log_all = log(all);
    for (int i = p.member; i < count; i += team) {
        STORE(T, out, i * inner, LOAD(T, x, i * inner) - top - log_all);
    }
}
