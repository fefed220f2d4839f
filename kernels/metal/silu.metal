// silu: x · sigmoid(x) = x / (1 + exp(-x)), elementwise.
//
// x [...] → out [...]. Bound by flops.
//
// At -∞ it is NaN, as the formula has it.

static inline C BODY(silu)(C x) {
    C e = own::exp(-own::abs(x)); // never overflows
    return x * ((x < (C)0 ? e : (C)1) / ((C)1 + e));
}

#ifndef FUSED
struct arguments {
    int n;
};

kernel void flowrun_silu(device const T *x [[buffer(0)]], device T *out [[buffer(1)]],
                         constant arguments &with [[buffer(2)]], uint i [[thread_position_in_grid]]) {
    if (i < (uint)with.n) {
        STORE(T, out, i, BODY(silu)(LOAD(T, x, i)));
    }
}
#endif
