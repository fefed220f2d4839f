// sqrt: the square root, elementwise.
//
// x [...] → out [...]. Bound by bytes.

static inline C BODY(sqrt)(C x) { return own::sqrt(x); }

#ifndef FUSED
struct arguments {
    int n;
};

kernel void flowrun_sqrt(device const T *x [[buffer(0)]], device T *out [[buffer(1)]],
                         constant arguments &with [[buffer(2)]], uint i [[thread_position_in_grid]]) {
    if (i < (uint)with.n) {
        STORE(T, out, i, BODY(sqrt)(LOAD(T, x, i)));
    }
}
#endif
