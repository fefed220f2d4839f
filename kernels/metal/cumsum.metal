// cumsum: the running sum along dim, the element itself included.
//
// x [...] → out [...]. Integers wrap around. Bound by bytes.
//
// Each row along dim has a team of threads, which sums one stretch after the
// other, an element for each: in round s every member adds what the one 2^s before
// it has (Hillis and Steele, "Data parallel algorithms", 1986). The members before
// go on with the stretch's sum.

struct arguments {
    int dim;
    int rows, n, inner, team;
};

kernel void flowrun_cumsum(device const T *x [[buffer(0)]], device T *out [[buffer(1)]], constant arguments &with [[buffer(2)]],
                           uint group [[threadgroup_position_in_grid]], uint size [[threads_per_threadgroup]],
                           uint simdgroup [[simdgroup_index_in_threadgroup]], uint lane [[thread_index_in_simdgroup]]) {
    threadgroup W sums[GROUP];
    int team = with.team, inner = with.inner;
    post p = post_in(team, group, size, simdgroup, lane);
    int me = p.simdgroup * SIMDGROUP + p.lane, member = p.member;
    bool any = p.row < with.rows;
    int from = any ? p.row / inner * with.n * inner + p.row % inner : 0;
    W before = (W)0;
    for (int first = 0; first < with.n; first += team) {
        int i = first + member;
        bool here = any && i < with.n;
        sums[me] = here ? (W)LOAD(T, x, from + i * inner) : (W)0;
        for (int reach = 1; reach < team; reach *= 2) {
            threadgroup_barrier(mem_flags::mem_threadgroup);
            W earlier = member >= reach ? sums[me - reach] : (W)0;
            threadgroup_barrier(mem_flags::mem_threadgroup);
            sums[me] += earlier;
        }
        threadgroup_barrier(mem_flags::mem_threadgroup);
        if (here) {
            STORE(T, out, from + i * inner, (C)(before + sums[me]));
        }
        before += sums[me - member + team - 1];
        threadgroup_barrier(mem_flags::mem_threadgroup);
    }
}
