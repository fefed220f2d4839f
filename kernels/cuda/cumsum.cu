// cumsum: the running sum along dim, the element itself included.
//
// x [...] → out [...]. Integers wrap around. Bound by bytes.
//
// Each row along dim has a team of threads, which sums one stretch after the
// other, an element for each: in round s every member adds what the one 2^s before
// it has (Hillis and Steele, "Data parallel algorithms", 1986). The members before
// go on with the stretch's sum.

extern "C" __global__ void flowrun_cumsum(const T *x, T *out, int dim, int rows, int n, int inner, int team) {
    __shared__ W sums[GROUP];
    post p = post_in(team);
    int me = threadIdx.x, member = p.member;
    i64 from = (i64)(p.row / inner) * n * inner + p.row % inner;
    W before = (W)0;
    for (int first = 0; first < n; first += team) {
        int i = first + member;
        bool here = p.row < rows && i < n;
        sums[me] = here ? (W)LOAD(T, x, from + i * inner) : (W)0;
        for (int reach = 1; reach < team; reach *= 2) {
            __syncthreads();
            W earlier = member >= reach ? sums[me - reach] : (W)0;
            __syncthreads();
            sums[me] += earlier;
        }
        __syncthreads();
        if (here) {
            STORE(T, out, from + i * inner, (C)(before + sums[me]));
        }
        before += sums[me - member + team - 1];
        __syncthreads();
    }
}
