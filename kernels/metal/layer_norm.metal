// layer_norm: x less its mean, over its standard deviation, times weight, plus
// bias, along the last dimension (Ba, Kiros and Hinton, "Layer normalization",
// 2016).
//
// x [..., d], weight [d], bias [d] → out [..., d]. Bound by bytes.
//
// Each row has a team of threads, which goes over it three times: for the mean, for
// the variance (the population's, with eps added), and for the result. The second
// and third time a row of usual length comes from cache.

DEVICE C add(C a, C b) { return a + b; }

TEAM_FOLD(sum, C, add)

struct arguments {
    S eps;
    int rows, n, team;
};

kernel void flowrun_layer_norm(device const T *x [[buffer(0)]], device const T *weight [[buffer(1)]],
                               device const T *bias [[buffer(2)]], device T *out [[buffer(3)]], constant arguments &with [[buffer(4)]],
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
    C all = (C)0;
    for (int i = p.member; i < count; i += team) {
        all += LOAD(T, x, i);
    }
    C mean = sum(of_simdgroup, all, team, p) / (C)with.n;
    C squares = (C)0;
    for (int i = p.member; i < count; i += team) {
        C e = LOAD(T, x, i) - mean;
        squares += e * e;
    }
    C scale = (C)1 / sqrt(sum(of_simdgroup, squares, team, p) / (C)with.n + with.eps);
    for (int i = p.member; i < count; i += team) {
        C e = LOAD(T, x, i) - mean;
        STORE(T, out, i, e * scale * LOAD(T, weight, i) + LOAD(T, bias, i));
    }
}
