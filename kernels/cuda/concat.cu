// concat: tensors joined along dim.
//
// tensors [...] that differ in dim only → out, whose dim is the sum of theirs.
// Bound by bytes.
//
// One launch copies one of the tensors: chunk and out_chunk are the elements that it
// and out have for each place of the dimensions before dim, start those of the
// tensors before it.

extern "C" __global__ void flowrun_concat(const T *tensors, T *out, int dim,
                                          int n, int chunk, int out_chunk, int start) {
    i64 thread = (i64)blockIdx.x * blockDim.x + threadIdx.x;
    if (thread < n) {
        int i = (int)thread;
        out[i / chunk * out_chunk + start + i % chunk] = tensors[i];
    }
}
