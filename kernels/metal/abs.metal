// abs: the absolute value, elementwise.
//
// x [...] → out [...]. Bound by bytes.
//
// The least integer stays itself.

#if IS_FLOAT(T)
static inline C BODY(abs)(C x) { return own::abs(x); }
#else
static inline C BODY(abs)(C x) { return x < (C)0 ? (C)-(W)x : x; }
#endif

#ifndef FUSED
struct arguments {
    int n;
};

kernel void flowrun_abs(device const T *x [[buffer(0)]], device T *out [[buffer(1)]],
                        constant arguments &with [[buffer(2)]], uint i [[thread_position_in_grid]]) {
    if (i < (uint)with.n) {
        STORE(T, out, i, BODY(abs)(LOAD(T, x, i)));
    }
}
#endif
