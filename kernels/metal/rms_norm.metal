// rms_norm: x over its root mean square, times weight, along the last dimension
// (Zhang and Sennrich, "Root mean square layer normalization", 2019).
//
// x [..., d], weight [d] → out [..., d]. Bound by bytes.
//
// Each row has a team of threads, which goes over it twice: for the mean of squares,
// to which eps is added, and for the result.

DEVICE C add(C a, C b) { return a + b; }

TEAM_FOLD(sum, C, add)

struct arguments {
    S eps;
    int rows, n, team;
};

kernel void flowrun_rms_norm(device const T *x [[buffer(0)]], device const T *weight [[buffer(1)]], device T *out [[buffer(2)]],
                             constant arguments &with [[buffer(3)]],
                             uint group [[threadgroup_position_in_grid]], uint size [[threads_per_threadgroup]],
                             uint simdgroup [[simdgroup_index_in_threadgroup]], uint lane [[thread_index_in_simdgroup]]) {
    threadgroup C of_simdgroup[SIMDGROUP];
    int team = with.team, count = 0;
    post p = post_in(team, group, size, simdgroup, lane);
    if (p.row < with.rows) {
        count = with.n;
        x += p.row * count;
        out += p.row * count;
    }
    C squares = (C)0;
    for (int i = p.member; i < count; i += team) {
        C v = LOAD(T, x, i);
        squares += v * v;
    }
    C scale = (C)1 / sqrt(sum(of_simdgroup, squares, team, p) / (C)with.n + with.eps);
    for (int i = p.member; i < count; i += team) {
        STORE(T, out, i, LOAD(T, x, i) * scale * LOAD(T, weight, i));
    }
}
