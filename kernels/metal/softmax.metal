// softmax: e^x over its sum along dim.
//
// x [...] → out [...]. Bound by flops on CPUs, by bytes on GPUs.
//
// Each row along dim has a team of threads, which goes over it three times: for the
// largest element, which is subtracted so that nothing overflows; for the sum; and
// for the result. The third pass takes the exponential anew: writing it in the second
// and reading it back would round it to T in between. The second and third time a
// row of usual length comes from cache.
//
// NaN wherever the row holds NaN or +∞, or nothing but -∞.

// A NaN is taken over anything, and nothing over a NaN.
DEVICE C larger(C a, C b) { return b > a || IS_NAN(b) ? b : a; }
DEVICE C add(C a, C b) { return a + b; }

TEAM_FOLD(largest, C, larger)
TEAM_FOLD(sum, C, add)

struct arguments {
    int dim;
    int rows, n, inner, team;
};

kernel void flowrun_softmax(device const T *x [[buffer(0)]], device T *out [[buffer(1)]], constant arguments &with [[buffer(2)]],
                            uint group [[threadgroup_position_in_grid]], uint size [[threads_per_threadgroup]],
                            uint simdgroup [[simdgroup_index_in_threadgroup]], uint lane [[thread_index_in_simdgroup]]) {
    threadgroup C of_simdgroup[SIMDGROUP];
    int team = with.team, inner = with.inner, count = 0;
    post p = post_in(team, group, size, simdgroup, lane);
    if (p.row < with.rows) {
        count = with.n;
        int from = p.row / inner * count * inner + p.row % inner;
        x += from;
        out += from;
    }
    C top = -INFINITE;
    for (int i = p.member; i < count; i += team) {
        top = larger(top, LOAD(T, x, i * inner));
    }
    top = largest(of_simdgroup, top, team, p);
    C all = (C)0;
    for (int i = p.member; i < count; i += team) {
        all += exp(LOAD(T, x, i * inner) - top);
    }
    all = sum(of_simdgroup, all, team, p);
    C scale = (C)1 / all;
    for (int i = p.member; i < count; i += team) {
        STORE(T, out, i * inner, exp(LOAD(T, x, i * inner) - top) * scale);
    }
}
