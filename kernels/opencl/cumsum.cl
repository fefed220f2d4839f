// cumsum: the running sum along dim, the element itself included.
//
// x [...] → out [...]. Integers wrap around. Bound by bytes.
//
// Each row along dim has a team of work-items, which sums one stretch after the
// other, an element for each: in round s every member adds what the one 2^s before
// it has (Hillis and Steele, "Data parallel algorithms", 1986). The members before
// go on with the stretch's sum.

kernel void flowrun_cumsum(global const T *x, global T *out, int dim, int rows, int n, int inner, int team) {
    local W sums[GROUP];
    int me = get_local_id(0), row = get_global_id(0) / team, member = me & (team - 1);
    int from = row / inner * n * inner + row % inner;
    W before = (W)0;
    for (int first = 0; first < n; first += team) {
        int i = first + member;
        int here = row < rows && i < n;
        sums[me] = here ? (W)LOAD(T, x, from + i * inner) : (W)0;
        for (int reach = 1; reach < team; reach *= 2) {
            barrier(CLK_LOCAL_MEM_FENCE);
            W earlier = member >= reach ? sums[me - reach] : (W)0;
            barrier(CLK_LOCAL_MEM_FENCE);
            sums[me] += earlier;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        if (here) {
            STORE(T, out, from + i * inner, (C)(before + sums[me]));
        }
        before += sums[me - member + team - 1];
        barrier(CLK_LOCAL_MEM_FENCE);
    }
}
