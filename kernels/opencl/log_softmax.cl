// log_softmax: x minus the logarithm of the sum of e^x along dim.
//
// x [...] → out [...]. Bound by flops on CPUs, by bytes on GPUs.
//
// Each row along dim has a team of work-items, which goes over it three times: for
// the largest element, which is subtracted so that nothing overflows; for the sum;
// and for the result.

// A NaN is taken over anything, and nothing over a NaN.
DEVICE C larger(C a, C b) { return b > a || IS_NAN(b) ? b : a; }
DEVICE C add(C a, C b) { return a + b; }

TEAM_FOLD(largest, C, larger)
TEAM_FOLD(sum, C, add)

kernel void flowrun_log_softmax(global const T *x, global T *out, int dim,
                                int rows, int n, int inner, int team) {
    local C scratch[GROUP];
    int row = get_global_id(0) / team, member = get_global_id(0) & (team - 1);
    int count = row < rows ? n : 0;
    int from = row / inner * n * inner + row % inner;
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
    C log_all = log(all);
    for (int i = member; i < count; i += team) {
        int at = from + i * inner;
        STORE(T, out, at, LOAD(T, x, at) - top - log_all);
    }
}
