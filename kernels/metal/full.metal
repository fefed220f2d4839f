// full: one value everywhere.
//
// → out [...]. Bound by bytes.

struct arguments {
    C value;
    int n;
};

kernel void flowrun_full(device T *out [[buffer(0)]], constant arguments &with [[buffer(1)]],
                         uint i [[thread_position_in_grid]]) {
    if (i < (uint)with.n) {
        STORE(T, out, i, with.value);
    }
}
