// full: one value everywhere.
//
// → out [...]. Bound by bytes.

kernel void flowrun_full(global T *out, C value, int n) {
    int i = get_global_id(0);
    if (i < n) {
        STORE(T, out, i, value);
    }
}
