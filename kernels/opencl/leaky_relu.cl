// leaky_relu: x above 0, and negative_slope·x below.
//
// x [...] → out [...]. Bound by bytes.

static inline C BODY(leaky_relu)(C x, S negative_slope) { return x > (C)0 ? x : negative_slope * x; }

#ifndef FUSED
kernel void flowrun_leaky_relu(global const T *x, global T *out, S negative_slope, int n) {
    int i = get_global_id(0);
    if (i < n) {
        STORE(T, out, i, BODY(leaky_relu)(LOAD(T, x, i), negative_slope));
    }
}
#endif
