// arange: start, start + step, start + 2·step, … f16, bf16 and f32 are computed in f32,
// from start and step rounded to it.
//
// → out [n]; its size says how far. Bound by bytes.

kernel void flowrun_arange(global T *out, C start, C step, int n) {
    int i = get_global_id(0);
    if (i < n) {
        STORE(T, out, i, MULTIPLY_ADD((C)i, step, start));
    }
}
