// layer_norm: x less its mean, over its standard deviation, times weight, plus
// bias, along the last dimension (Ba, Kiros and Hinton, "Layer normalization",
// 2016).
//
// x [..., d], weight [d], bias [d] → out [..., d]. Bound by bytes.
//
// Each row has a team of work-items, which goes over it three times: for the mean,
// for the variance (the population's, with eps added), and for the result. The
// second and third time a row of usual length comes from cache.

DEVICE C add(C a, C b) { return a + b; }

TEAM_FOLD(sum, C, add)

kernel void flowrun_layer_norm(global const T *x, global const T *weight, global const T *bias, global T *out,
                               S eps, int rows, int n, int team) {
    local C scratch[GROUP];
    int row = get_global_id(0) / team, member = get_global_id(0) & (team - 1);
    int count = row < rows ? n : 0;
    int from = row * n;
    C all = (C)0;
    for (int i = member; i < count; i += team) {
        all += LOAD(T, x, from + i);
    }
    C mean = sum(scratch, all, team) / (C)n;
    C squares = (C)0;
    for (int i = member; i < count; i += team) {
        C e = LOAD(T, x, from + i) - mean;
        squares += e * e;
    }
    C scale = (C)1 / sqrt(sum(scratch, squares, team) / (C)n + eps);
    for (int i = member; i < count; i += team) {
        C e = LOAD(T, x, from + i) - mean;
        STORE(T, out, from + i, e * scale * LOAD(T, weight, i) + LOAD(T, bias, i));
    }
}
