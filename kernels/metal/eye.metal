// eye: 1 on the diagonal, else 0.
//
// → out [n, m]. Bound by bytes.

struct arguments {
    int n, columns;
};

kernel void flowrun_eye(device T *out [[buffer(0)]], constant arguments &with [[buffer(1)]],
                        uint i [[thread_position_in_grid]]) {
    if (i < (uint)with.n) {
        STORE(T, out, i, (C)(i / with.columns == i % with.columns));
    }
}
