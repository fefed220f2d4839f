// logcumsumexp: the logarithm of the running sum of e^x along dim, the element itself
// included.
//
// x [...] → out [...]. Nothing overflows: the larger of two is taken out of their sum.
// Bound by flops.
//
// Each row along dim has a team of work-items, which takes one stretch after the other, an
// element for each; the members of a stretch go on with what all before it have.

// log(e^a + e^b). An infinity, also two of them, is the result; NaN comes before it.
DEVICE C joined(C a, C b) {
    C high = b > a ? b : a, low = b > a ? a : b;
    if (IS_NAN(a) || IS_NAN(b)) {
        return a + b;
    }
    return IS_INF(high) ? high : high + log1p(exp(low - high));
}

TEAM_SCAN(logcumsumexp_scan, C, joined)

kernel void flowrun_logcumsumexp(global const T *x, global T *out, int dim, int rows, int n, int inner, int team) {
    local C scratch[GROUP];
    int row = get_global_id(0) / team, member = get_global_id(0) & (team - 1);
    int from = row / inner * n * inner + row % inner;
    C before = -INFINITE, all;
    for (int first = 0; first < n; first += team) {
        int i = first + member;
        int here = row < rows && i < n;
        C v = -INFINITE;
        if (here) {
            v = LOAD(T, x, from + i * inner);
        }
        v = logcumsumexp_scan(scratch, v, team, &all);
        if (here) {
            STORE(T, out, from + i * inner, joined(before, v));
        }
        before = joined(before, all);
    }
}
