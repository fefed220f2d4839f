// softmax: e^x over its sum along dim.
//
// x [...] → out [...]. Bound by flops on CPUs, by bytes on GPUs.
//
// Each line along dim has a team of work-items, which goes over it three times: for
// the largest element, which is subtracted so that nothing overflows; for the sum;
// and for the result. The third pass takes the exponential anew: writing it in the
// second and reading it back would round it to T in between.
//
// NaN wherever the line holds NaN or +∞, or nothing but -∞.

// A NaN is taken over anything, and nothing over a NaN.
static inline C larger(C a, C b) { return b > a || IS_NAN(b) ? b : a; }
static inline C add(C a, C b) { return a + b; }

TEAM_FOLD(largest, C, larger)
TEAM_FOLD(sum, C, add)

kernel void flowrun_softmax(global const T *x, global T *out, int dim,
                            int lines, int n, int inner, int team) {
    local C scratch[GROUP];
    int line = get_global_id(0) / team, member = get_global_id(0) & (team - 1);
    int count = line < lines ? n : 0;
    int from = line / inner * n * inner + line % inner;
    C top = -INFINITY;
    for (int i = member; i < count; i += team) {
        top = larger(top, LOAD(T, x, from + i * inner));
    }
    top = largest(scratch, top, team);
    C all = (C)0;
    for (int i = member; i < count; i += team) {
        all += exp(LOAD(T, x, from + i * inner) - top);
    }
    all = sum(scratch, all, team);
    C scale = (C)1 / all;
    for (int i = member; i < count; i += team) {
        int at = from + i * inner;
        STORE(T, out, at, exp(LOAD(T, x, at) - top) * scale);
    }
}
