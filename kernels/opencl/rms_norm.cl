// rms_norm: x over its root mean square, times weight, along the last dimension
// (Zhang and Sennrich, "Root mean square layer normalization", 2019).
//
// x [..., d], weight [d] → out [..., d]. Bound by bytes.
//
// Each row has a team of work-items, which goes over it twice: for the mean of
// squares, to which eps is added, and for the result.

DEVICE C add(C a, C b) { return a + b; }

TEAM_FOLD(sum, C, add)

kernel void flowrun_rms_norm(global const T *x, global const T *weight, global T *out,
                             S eps, int rows, int n, int team) {
    local C scratch[GROUP];
    int row = get_global_id(0) / team, member = get_global_id(0) & (team - 1);
    int count = row < rows ? n : 0;
    int from = row * n;
    C squares = (C)0;
    for (int i = member; i < count; i += team) {
        C v = LOAD(T, x, from + i);
        squares += v * v;
    }
    C scale = (C)1 / sqrt(sum(scratch, squares, team) / (C)n + eps);
    for (int i = member; i < count; i += team) {
        STORE(T, out, from + i, LOAD(T, x, from + i) * scale * LOAD(T, weight, i));
    }
}
