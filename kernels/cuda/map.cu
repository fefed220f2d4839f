// map: the entry point of an elementwise kernel, alone or fused of several.
//
// Inputs that broadcast to out → out [...]. Bound by bytes, which is why there are
// fused kernels: what one part hands to the next is never written to memory.
//
// What comes before is generated: ENTRY and PARAMETERS, the kernel's name and its
// parameters; PARTS, which loads the inputs' elements, WHOLE or, where they broadcast,
// AT(input); and RESULT, of dtype RESULT_DTYPE. A fused kernel computes its parts in
// PARTS too, each rounded as if it had been stored, so that the bits are those of the
// kernels one after the other. Alone, RESULT is a function of ELEMENTS, which are
// found along WALKS.

#ifdef FUSED

// A thread takes one element: of several inputs that is enough on its way to fill
// the memory's bandwidth.
#define WHOLE i
#define AT(x) offset(i, dims, GLUE(x, _strides))

extern "C" __global__ void ENTRY(PARAMETERS) {
    i64 thread = (i64)blockIdx.x * blockDim.x + threadIdx.x;
    if (thread < n) {
        int i = (int)thread;
        PARTS
        STORE(RESULT_DTYPE, out, i, RESULT);
    }
}

#else

#define WHOLE(x) along(x)
#define SPREAD(x) along(x, dims, GLUE(x, _strides))

extern "C" __global__ void ENTRY(PARAMETERS) {
    map(out, n, [=](ELEMENTS) { return RESULT; }, WALKS);
}

#endif
