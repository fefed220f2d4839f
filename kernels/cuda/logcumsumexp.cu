// logcumsumexp: the logarithm of the running sum of e^x along dim, the element itself
// included.
//
// x [...] → out [...]. Nothing overflows: the larger of two is taken out of their sum.
// Bound by flops.
//
// Each row along dim has a team of threads, which takes one stretch after the other, an
// element for each; the members of a stretch go on with what all before it have.

// log(e^a + e^b). An infinity, also two of them, is the result; NaN comes before it.
DEVICE C joined(C a, C b) {
    C high = b > a ? b : a, low = b > a ? a : b;
    if (IS_NAN(a) || IS_NAN(b)) {
        return a + b;
    }
    return flowrun::is_infinite(high) ? high : high + log1p(exp(low - high));
}

extern "C" __global__ void flowrun_logcumsumexp(const T *x, T *out, int dim, int rows, int n, int inner, int team) {
    __shared__ C scratch[GROUP];
    post p = post_in(team);
    i64 from = (i64)(p.row / inner) * n * inner + p.row % inner;
    C before = -INFINITE, all;
    for (int first = 0; first < n; first += team) {
        int i = first + p.member;
        bool here = p.row < rows && i < n;
        C v = here ? LOAD(T, x, from + i * inner) : -INFINITE;
        v = team_scan(scratch, v, team, joined, &all);
        if (here) {
            STORE(T, out, from + i * inner, joined(before, v));
        }
        before = joined(before, all);
    }
}
