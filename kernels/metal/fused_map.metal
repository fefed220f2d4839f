// fused_map: several elementwise kernels as one.
//
// Inputs that broadcast to out → out [...]. Bound by bytes, which is why there are
// fused kernels: what one part hands to the next is never written to memory.
//
// What comes before says what is computed: struct arguments, with the scalars and
// sizes; FUSED_ENTRY and FUSED_PARAMETERS, the kernel's name and the parameters that
// it has beside its place in the grid; FUSED_PARTS, which loads the inputs' elements,
// at the place WHOLE or, where they broadcast, AT(input), and computes FUSED_VALUE
// from them, of dtype FUSED_DTYPE. Each part's value is rounded as if it had been
// stored, so that the bits are those of the kernels one after the other.

#define WHOLE i
#define AT(x) place(i, with.dims, with.GLUE(x, _step))

kernel void FUSED_ENTRY(FUSED_PARAMETERS, uint i [[thread_position_in_grid]]) {
    if (i < (uint)with.n) {
        FUSED_PARTS
        STORE(FUSED_DTYPE, out, i, FUSED_VALUE);
    }
}
