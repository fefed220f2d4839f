// sqrt: the square root, elementwise.
//
// x [...] → out [...]. Bound by bytes.
//
// OpenCL's own function; 3 units in the last place, but where the device rounds it
// correctly.

static inline C BODY(sqrt)(C x) { return sqrt(x); }

#ifndef FUSED
kernel void flowrun_sqrt(global const T *x, global T *out, int n) {
    int i = get_global_id(0);
    if (i < n) {
        STORE(T, out, i, BODY(sqrt)(LOAD(T, x, i)));
    }
}
#endif
