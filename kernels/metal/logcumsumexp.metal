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

TEAM_SCAN(logcumsumexp_scan, C, joined)

struct arguments {
    int dim;
    int rows, n, inner, team;
};

kernel void flowrun_logcumsumexp(device const T *x [[buffer(0)]], device T *out [[buffer(1)]], constant arguments &with [[buffer(2)]],
                           uint group [[threadgroup_position_in_grid]], uint size [[threads_per_threadgroup]],
                           uint simdgroup [[simdgroup_index_in_threadgroup]], uint lane [[thread_index_in_simdgroup]]) {
    threadgroup C scratch[GROUP];
    int team = with.team, inner = with.inner;
    post p = post_in(team, group, size, simdgroup, lane);
    bool any = p.row < with.rows;
    int from = any ? p.row / inner * with.n * inner + p.row % inner : 0;
    C before = -INFINITE, all;
    for (int first = 0; first < with.n; first += team) {
        int i = first + p.member;
        bool here = any && i < with.n;
        C v = -INFINITE;
        if (here) {
            v = LOAD(T, x, from + i * inner);
        }
        v = logcumsumexp_scan(scratch, v, team, p, all);
        if (here) {
            STORE(T, out, from + i * inner, joined(before, v));
        }
        before = joined(before, all);
    }
}
