// cumsum: the running sum along dim, the element itself included.
//
// x [...] → out [...]. Integers wrap around. Bound by bytes.
//
// Each row along dim has a team of threads, which takes one stretch after the other, an
// element for each; the members of a stretch go on with what all before it have.

DEVICE W cumsum_join(W a, W b) { return a + b; }

TEAM_SCAN(cumsum_scan, W, cumsum_join)

struct arguments {
    int dim;
    int rows, n, inner, team;
};

kernel void flowrun_cumsum(device const T *x [[buffer(0)]], device T *out [[buffer(1)]], constant arguments &with [[buffer(2)]],
                           uint group [[threadgroup_position_in_grid]], uint size [[threads_per_threadgroup]],
                           uint simdgroup [[simdgroup_index_in_threadgroup]], uint lane [[thread_index_in_simdgroup]]) {
    threadgroup W scratch[GROUP];
    int team = with.team, inner = with.inner;
    post p = post_in(team, group, size, simdgroup, lane);
    bool any = p.row < with.rows;
    int from = any ? p.row / inner * with.n * inner + p.row % inner : 0;
    W before = (W)0, all;
    for (int first = 0; first < with.n; first += team) {
        int i = first + p.member;
        bool here = any && i < with.n;
        W v = (W)0;
        if (here) {
            v = (W)LOAD(T, x, from + i * inner);
        }
        v = cumsum_scan(scratch, v, team, p, all);
        if (here) {
            STORE(T, out, from + i * inner, (C)cumsum_join(before, v));
        }
        before = cumsum_join(before, all);
    }
}
