// arange: start, start + step, start + 2·step, … f16, bf16 and f32 are computed in f32,
// from start and step rounded to it.
//
// → out [n]; its size says how far. Bound by bytes.

struct arguments {
    C start, step;
    int n;
};

kernel void flowrun_arange(device T *out [[buffer(0)]], constant arguments &with [[buffer(1)]],
                           uint i [[thread_position_in_grid]]) {
    if (i < (uint)with.n) {
        STORE(T, out, i, MULTIPLY_ADD((C)i, with.step, with.start));
    }
}
