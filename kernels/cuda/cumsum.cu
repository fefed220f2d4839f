// cumsum: the running sum along dim, the element itself included.
//
// x [...] → out [...]. Integers wrap around. Bound by bytes.
//
// Each row along dim has a team of threads, which takes one stretch after the other, an
// element for each; the members of a stretch go on with what all before it have.

DEVICE W cumsum_join(W a, W b) { return a + b; }

extern "C" __global__ void flowrun_cumsum(const T *x, T *out, int dim, int rows, int n, int inner, int team) {
    __shared__ W scratch[GROUP];
    post p = post_in(team);
    i64 from = (i64)(p.row / inner) * n * inner + p.row % inner;
    W before = (W)0, all;
    for (int first = 0; first < n; first += team) {
        int i = first + p.member;
        bool here = p.row < rows && i < n;
        W v = here ? (W)LOAD(T, x, from + i * inner) : (W)0;
        v = team_scan(scratch, v, team, cumsum_join, &all);
        if (here) {
            STORE(T, out, from + i * inner, (C)cumsum_join(before, v));
        }
        before = cumsum_join(before, all);
    }
}
