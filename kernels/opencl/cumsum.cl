// cumsum: the running sum along dim, the element itself included.
//
// x [...] → out [...]. Integers wrap around. Bound by bytes.
//
// Each row along dim has a team of work-items, which takes one stretch after the other, an
// element for each; the members of a stretch go on with what all before it have.

DEVICE W cumsum_join(W a, W b) { return a + b; }

TEAM_SCAN(cumsum_scan, W, cumsum_join)

kernel void flowrun_cumsum(global const T *x, global T *out, int dim, int rows, int n, int inner, int team) {
    local W scratch[GROUP];
    int row = get_global_id(0) / team, member = get_global_id(0) & (team - 1);
    int from = row / inner * n * inner + row % inner;
    W before = (W)0, all;
    for (int first = 0; first < n; first += team) {
        int i = first + member;
        int here = row < rows && i < n;
        W v = (W)0;
        if (here) {
            v = (W)LOAD(T, x, from + i * inner);
        }
        v = cumsum_scan(scratch, v, team, &all);
        if (here) {
            STORE(T, out, from + i * inner, (C)cumsum_join(before, v));
        }
        before = cumsum_join(before, all);
    }
}
