// index_add: x, with slice i of source added to slice index[i] along dim.
//
// x [...], index [k], source of x's shape but for k along dim → out, of x's
// shape. Bound by bytes, or by k².
//
// Two launches: the first copies x. In the second, slices that go to one place are
// added one by one in the order of index, in C, by the threads of the first of
// them; the others leave. So the result is the same in every run, which atomic
// additions' isn't, and is rounded once. An index out of range adds nothing.

struct arguments {
    int dim;
    int launch, n, count, x_count, inner;
};

kernel void flowrun_index_add(device const T *x [[buffer(0)]], device const I *index [[buffer(1)]],
                              device const T *source [[buffer(2)]], device T *out [[buffer(3)]],
                              constant arguments &with [[buffer(4)]], uint at [[thread_position_in_grid]]) {
    int i = at, inner = with.inner;
    if (with.launch == 0) {
        if (i < with.n) {
            out[i] = x[i];
        }
        return;
    }
    int column = i % inner, rest = i / inner;
    int mine = rest % with.count, outer = rest / with.count;
    if (outer >= with.n / (with.x_count * inner)) {
        return;
    }
    I target = index[mine];
    if (target < (I)0 || target >= (I)with.x_count) {
        return;
    }
    for (int k = 0; k < mine; k++) {
        if (index[k] == target) {
            return;
        }
    }
    int to = (outer * with.x_count + (int)target) * inner + column;
    W sum = (W)LOAD(T, out, to);
    for (int k = mine; k < with.count; k++) {
        if (index[k] == target) {
            sum += (W)LOAD(T, source, (outer * with.count + k) * inner + column);
        }
    }
    STORE(T, out, to, (C)sum);
}
