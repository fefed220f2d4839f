// map: the entry point of an elementwise kernel, alone or fused of several.
//
// Inputs that broadcast to out → out [...]. Bound by bytes, which is why there are
// fused kernels: what one part hands to the next is never written to memory.
//
// What comes before is generated: struct arguments, with the scalars and sizes; ENTRY
// and PARAMETERS, the kernel's name and its parameters but for the built-ins; PARTS,
// which loads the inputs' elements, WHOLE or, where they broadcast, AT(input); and
// RESULT, of dtype RESULT_DTYPE. A fused kernel computes its parts in PARTS too, each
// rounded as if it had been stored, so that the bits are those of the kernels one
// after the other.

#define WHOLE i
#define AT(x) offset(i, with.dims, with.GLUE(x, _strides))

kernel void ENTRY(PARAMETERS, uint i [[thread_position_in_grid]]) {
    if (i < (uint)with.n) {
        PARTS
        STORE(RESULT_DTYPE, out, i, RESULT);
    }
}
