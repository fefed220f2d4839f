// relu: max(x, 0), elementwise.
//
// x [...] → out [...]. Bound by bytes.
//
// NaN stays.

static inline C BODY(relu)(C x) { return x > (C)0 || IS_NAN(x) ? x : (C)0; }

#ifndef FUSED
struct arguments {
    int n;
};

kernel void flowrun_relu(device const T *x [[buffer(0)]], device T *out [[buffer(1)]],
                         constant arguments &with [[buffer(2)]], uint i [[thread_position_in_grid]]) {
    if (i < (uint)with.n) {
        STORE(T, out, i, BODY(relu)(LOAD(T, x, i)));
    }
}
#endif
