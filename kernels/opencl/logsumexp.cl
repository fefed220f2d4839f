// logsumexp: the logarithm of the sum over dims of e^x.
//
// x [...] → out without (or with, as 1) the dims; -∞ of no elements. Bound by
// flops on CPUs, by bytes on GPUs.
//
// Each output has a team of work-items, each of which takes every team-th element;
// a tree in local memory joins them. One pass finds the largest element, which a
// second subtracts, so nothing overflows. (One pass that rescales its sum when a
// larger element comes takes two exponentials for an element instead of one.)

// A NaN is taken over anything, and nothing over a NaN.
DEVICE C larger(C a, C b) { return b > a || IS_NAN(b) ? b : a; }
DEVICE C add(C a, C b) { return a + b; }

TEAM_FOLD(largest, C, larger)
TEAM_FOLD(sum, C, add)

kernel void flowrun_logsumexp(global const T *x, global T *out, int rows, int count, int team,
                              int8 kept, int8 kept_strides, int8 reduced, int8 reduced_strides) {
    local C scratch[GROUP];
    int row = get_global_id(0) / team, member = get_global_id(0) & (team - 1);
    int n = row < rows ? count : 0;
    int from = row < rows ? offset(row, kept, kept_strides) : 0;
    C top = -INFINITY;
    for (int i = member; i < n; i += team) {
        top = larger(top, LOAD(T, x, from + offset(i, reduced, reduced_strides)));
    }
    top = largest(scratch, top, team);
    C all = (C)0;
    for (int i = member; i < n; i += team) {
        all += exp(LOAD(T, x, from + offset(i, reduced, reduced_strides)) - top);
    }
    all = sum(scratch, all, team);
    if (row < rows && member == 0) {
        // An infinite top leaves NaN in the sum.
        STORE(T, out, row, isinf(top) ? top : top + log(all));
    }
}
