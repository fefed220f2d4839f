// logical_not: whether x is 0, elementwise.
//
// x [...] → out bool [...]. Bound by bytes.

static inline int BODY(logical_not)(C x) { return x == (C)0; }

#ifndef FUSED
kernel void flowrun_logical_not(global const T *x, global b8 *out, int n) {
    int i = get_global_id(0);
    if (i < n) {
        STORE(b8, out, i, BODY(logical_not)(LOAD(T, x, i)));
    }
}
#endif
