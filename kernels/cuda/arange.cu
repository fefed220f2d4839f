// arange: start, start + step, start + 2·step, … f16, bf16 and f32 are computed in f32,
// from start and step rounded to it.
//
// → out [n]; its size says how far. Bound by bytes.

extern "C" __global__ void flowrun_arange(T *out, C start, C step, int n) {
    map(out, n, [=](int i) { return (C)MULTIPLY_ADD((C)i, step, start); }, numbering());
}
