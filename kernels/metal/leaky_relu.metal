// leaky_relu: x above 0, and negative_slope·x below.
//
// x [...] → out [...]. Bound by bytes.

static inline C BODY(leaky_relu)(C x, S negative_slope) { return x > (C)0 ? x : negative_slope * x; }

#ifndef FUSED
struct arguments {
    S negative_slope;
    int n;
};

kernel void flowrun_leaky_relu(device const T *x [[buffer(0)]], device T *out [[buffer(1)]],
                               constant arguments &with [[buffer(2)]], uint i [[thread_position_in_grid]]) {
    if (i < (uint)with.n) {
        STORE(T, out, i, BODY(leaky_relu)(LOAD(T, x, i), with.negative_slope));
    }
}
#endif
