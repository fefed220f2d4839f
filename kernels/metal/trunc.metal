// trunc: x without its fraction, elementwise; integers as they are.
//
// x [...] → out [...]. Bound by bytes.

#if IS_FLOAT(T)
static inline C BODY(trunc)(C x) { return own::trunc(x); }
#else
static inline C BODY(trunc)(C x) { return x; }
#endif

#ifndef FUSED
struct arguments {
    int n;
};

kernel void flowrun_trunc(device const T *x [[buffer(0)]], device T *out [[buffer(1)]],
                          constant arguments &with [[buffer(2)]], uint i [[thread_position_in_grid]]) {
    if (i < (uint)with.n) {
        STORE(T, out, i, BODY(trunc)(LOAD(T, x, i)));
    }
}
#endif
