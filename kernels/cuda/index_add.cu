// index_add: x, with slice i of source added to slice index[i] along dim.
//
// x [...], index [k], source of x's shape but for k along dim → out, of x's
// shape. Bound by bytes, or by k².
//
// Two launches: the first copies x. In the second, slices that go to one place are
// added one by one in the order of index, in C, by the threads of the first of
// them; the others leave. So the result is the same in every run, which atomic
// additions' isn't, and is rounded once. An index out of range adds nothing.

extern "C" __global__ void flowrun_index_add(const T *x, const I *index, const T *source, T *out, int dim,
                                             int launch, int n, int count, int x_count, int inner) {
    i64 thread = (i64)blockIdx.x * blockDim.x + threadIdx.x;
    if (launch == 0) {
        if (thread < n) {
            out[thread] = x[thread];
        }
        return;
    }
    int column = (int)(thread % inner), rest = (int)(thread / inner);
    int mine = rest % count, outer = rest / count;
    if ((i64)outer * x_count * inner >= n) {
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
