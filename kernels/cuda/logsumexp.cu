// logsumexp: the logarithm of the sum over dims of e^x.
//
// x [...] → out without (or with, as 1) the dims; -∞ of no elements. Bound by
// flops on CPUs, by bytes on GPUs.
//
// One pass finds the largest element, which a
// second subtracts, so nothing overflows. (One pass that rescales its sum when a
// larger element comes takes two exponentials for an element instead of one.)

// A NaN is taken over anything, and nothing over a NaN.
DEVICE C larger(C a, C b) { return b > a || IS_NAN(b) ? b : a; }
DEVICE C add(C a, C b) { return a + b; }

extern "C" __global__ void flowrun_logsumexp(const T *x, T *out, int rows, int count, int team,
                                             list kept, list kept_strides, list reduced, list reduced_strides) {
    post p = post_in(team);
    int n = p.row < rows ? count : 0;
    const T *from = x + (p.row < rows ? offset(p.row, kept, kept_strides) : 0);
    C top = -INFINITE;
    for (int i = p.member; i < n; i += team) {
        top = larger(top, LOAD(T, from, offset(i, reduced, reduced_strides)));
    }
    top = team_fold(top, team, larger);
    C all = (C)0;
    for (int i = p.member; i < n; i += team) {
        all += exp(LOAD(T, from, offset(i, reduced, reduced_strides)) - top);
    }
    all = team_fold(all, team, add);
    if (p.row < rows && p.member == 0) {
        // An infinite top leaves NaN in the sum.
        STORE(T, out, p.row, flowrun::is_infinite(top) ? top : top + log(all));
    }
}
