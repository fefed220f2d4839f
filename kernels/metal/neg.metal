// neg: -x, elementwise.
//
// x [...] → out [...]. Bound by bytes.
//
// The least integer stays itself.

static inline C BODY(neg)(C x) { return (C)-(W)x; }

#ifndef FUSED
struct arguments {
    int n;
};

kernel void flowrun_neg(device const T *x [[buffer(0)]], device T *out [[buffer(1)]],
                        constant arguments &with [[buffer(2)]], uint i [[thread_position_in_grid]]) {
    if (i < (uint)with.n) {
        STORE(T, out, i, BODY(neg)(LOAD(T, x, i)));
    }
}
#endif
