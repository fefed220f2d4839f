// neg: -x, elementwise.
//
// x [...] → out [...]. Bound by bytes.
//
// The least integer stays itself.

static inline C BODY(neg)(C x) { return (C)-(W)x; }

#ifndef FUSED
kernel void flowrun_neg(global const T *x, global T *out, int n) {
    int i = get_global_id(0);
    if (i < n) {
        STORE(T, out, i, BODY(neg)(LOAD(T, x, i)));
    }
}
#endif
