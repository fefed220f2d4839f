// index_add: x, with slice i of source added to slice index[i] along dim.
//
// x [...], index [k], source of x's shape but for k along dim → out, of x's
// shape. Bound by bytes, or by k².
//
// Two launches: the first copies x. In the second, slices that go to one place are
// added one by one in the order of index, in C, by the work-items of the first of
// them; the others leave. So the result is the same in every run, which atomic
// additions' isn't, and is rounded once. An index out of range adds nothing.

kernel void flowrun_index_add(global const T *x, global const I *index, global const T *source, global T *out, int dim,
                              int launch, int n, int count, int x_count, int inner) {
    int i = get_global_id(0);
    if (launch == 0) {
        if (i < n) {
            out[i] = x[i];
        }
        return;
    }
    int rest = i / inner, column = i % inner;
    int mine = rest % count, outer = rest / count;
    if (outer * x_count * inner >= n) {
        return;
    }
    I at = index[mine];
    if (at < (I)0 || at >= (I)x_count) {
        return;
    }
    for (int k = 0; k < mine; k++) {
        if (index[k] == at) {
            return;
        }
    }
    int to = (outer * x_count + (int)at) * inner + column;
    W sum = (W)LOAD(T, out, to);
    for (int k = mine; k < count; k++) {
        if (index[k] == at) {
            sum += (W)LOAD(T, source, (outer * count + k) * inner + column);
        }
    }
    STORE(T, out, to, (C)sum);
}
