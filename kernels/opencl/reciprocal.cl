// reciprocal: 1 / x, elementwise.
//
// x [...] → out [...]. Bound by bytes.

static inline C BODY(reciprocal)(C x) { return (C)1 / x; }

#ifndef FUSED
kernel void flowrun_reciprocal(global const T *x, global T *out, int n) {
    int i = get_global_id(0);
    if (i < n) {
        STORE(T, out, i, BODY(reciprocal)(LOAD(T, x, i)));
    }
}
#endif
