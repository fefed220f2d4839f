// logsumexp: the logarithm of the sum over dims of e^x.
//
// x [...] → out without (or with, as 1) the dims; -∞ of no elements. Bound by
// flops on CPUs, by bytes on GPUs.
//
// Each output has a team of threads, each of which takes every team-th element. One
// pass finds the largest element, which a second subtracts, so nothing overflows.
// (One pass that rescales its sum when a larger element comes takes two exponentials
// for an element instead of one.)

// A NaN is taken over anything, and nothing over a NaN.
DEVICE C larger(C a, C b) { return b > a || IS_NAN(b) ? b : a; }
DEVICE C add(C a, C b) { return a + b; }

TEAM_FOLD(largest, C, larger)
TEAM_FOLD(sum, C, add)

struct arguments {
    int rows, count, team;
    list kept, kept_strides, reduced, reduced_strides;
};

kernel void flowrun_logsumexp(device const T *x [[buffer(0)]], device T *out [[buffer(1)]], constant arguments &with [[buffer(2)]],
                              uint group [[threadgroup_position_in_grid]], uint size [[threads_per_threadgroup]],
                              uint simdgroup [[simdgroup_index_in_threadgroup]], uint lane [[thread_index_in_simdgroup]]) {
    threadgroup C of_simdgroup[SIMDGROUP];
    int team = with.team, count = 0;
    post p = post_in(team, group, size, simdgroup, lane);
    if (p.row < with.rows) {
        count = with.count;
        x += offset(p.row, with.kept, with.kept_strides);
    }
    C top = -INFINITE;
    for (int i = p.member; i < count; i += team) {
        top = larger(top, LOAD(T, x, offset(i, with.reduced, with.reduced_strides)));
    }
    top = largest(of_simdgroup, top, team, p);
    C all = (C)0;
    for (int i = p.member; i < count; i += team) {
        all += exp(LOAD(T, x, offset(i, with.reduced, with.reduced_strides)) - top);
    }
    all = sum(of_simdgroup, all, team, p);
    if (p.row < with.rows && p.member == 0) {
        // An infinite top leaves NaN in the sum.
        STORE(T, out, p.row, flowrun::is_infinite(top) ? top : top + log(all));
    }
}
