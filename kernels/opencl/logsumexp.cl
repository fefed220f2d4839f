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
static inline C larger(C a, C b) { return b > a || IS_NAN(b) ? b : a; }
static inline C add(C a, C b) { return a + b; }

TEAM_FOLD(largest, C, larger)
TEAM_FOLD(sum, C, add)

kernel void flowrun_logsumexp(global const T *x, global T *out, int lines, int count, int team,
                              int8 kept, int8 kept_step, int8 reduced, int8 reduced_step) {
    local C scratch[GROUP];
    int line = get_global_id(0) / team, member = get_global_id(0) & (team - 1);
    int n = line < lines ? count : 0;
    int from = line < lines ? place(line, kept, kept_step) : 0;
    C top = -INFINITY;
    for (int i = member; i < n; i += team) {
        top = larger(top, LOAD(T, x, from + place(i, reduced, reduced_step)));
    }
    top = largest(scratch, top, team);
    C all = (C)0;
    for (int i = member; i < n; i += team) {
        all += exp(LOAD(T, x, from + place(i, reduced, reduced_step)) - top);
    }
    all = sum(scratch, all, team);
    if (line < lines && member == 0) {
        // An infinite top leaves NaN in the sum.
        STORE(T, out, line, isinf(top) ? top : top + log(all));
    }
}
