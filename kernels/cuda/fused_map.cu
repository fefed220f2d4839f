// fused_map: several elementwise kernels as one.
//
// Inputs that broadcast to out → out [...]. Bound by bytes, which is why there are
// fused kernels: what one part hands to the next is never written to memory.
//
// What comes before says what is computed: FUSED_ENTRY and FUSED_PARAMETERS, the
// kernel's name and its parameters; FUSED_PARTS, which loads the inputs' elements,
// at the place WHOLE or, where they broadcast, AT(input), and computes FUSED_VALUE
// from them, of dtype FUSED_DTYPE. Each part's value is rounded as if it had been
// stored, so that the bits are those of the kernels one after the other.
//
// A thread takes one element: of several inputs that is enough on its way to fill
// the memory's bandwidth.

#define WHOLE i
#define AT(x) place(i, dims, GLUE(x, _step))

extern "C" __global__ void FUSED_ENTRY(FUSED_PARAMETERS) {
    i64 thread = (i64)blockIdx.x * blockDim.x + threadIdx.x;
    if (thread < n) {
        int i = (int)thread;
        FUSED_PARTS
        STORE(FUSED_DTYPE, out, i, FUSED_VALUE);
    }
}
