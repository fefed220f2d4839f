// log: the natural logarithm, elementwise.
//
// x [...] → out [...]. Bound by flops.

static inline C BODY(log)(C x) { return own::log(x); }

#ifndef FUSED
struct arguments {
    int n;
};

kernel void flowrun_log(device const T *x [[buffer(0)]], device T *out [[buffer(1)]],
                        constant arguments &with [[buffer(2)]], uint i [[thread_position_in_grid]]) {
    if (i < (uint)with.n) {
        STORE(T, out, i, BODY(log)(LOAD(T, x, i)));
    }
}
#endif
