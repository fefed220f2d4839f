// concat: tensors joined along dim.
//
// tensors [...] that differ in dim only → out, whose dim is the sum of theirs.
// Bound by bytes.
//
// One launch copies one of the tensors: chunk and out_chunk are the elements that it
// and out have for each place of the dimensions before dim, start those of the
// tensors before it.

struct arguments {
    int dim, n, chunk, out_chunk, start;
};

kernel void flowrun_concat(device const T *tensors [[buffer(0)]], device T *out [[buffer(1)]],
                           constant arguments &with [[buffer(2)]], uint i [[thread_position_in_grid]]) {
    if (i < (uint)with.n) {
        out[i / with.chunk * with.out_chunk + with.start + i % with.chunk] = tensors[i];
    }
}
