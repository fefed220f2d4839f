// where: input where condition holds, else other, elementwise.
//
// condition bool [...], input [...], other [...] → out, the shape to which all
// broadcast. Bound by bytes.

DEVICE C BODY(where)(int condition, C input, C other) { return condition ? input : other; }

#ifndef FUSED
extern "C" __global__ void flowrun_where(const b8 *condition, const T *input, const T *other, T *out,
                                         int n, list dims, list condition_step, list input_step, list other_step) {
    map(out, n, [](int c, C x, C y) { return BODY(where)(c, x, y); }, along(condition, dims, condition_step),
        along(input, dims, input_step), along(other, dims, other_step));
}
#endif
