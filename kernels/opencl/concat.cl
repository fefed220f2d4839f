// concat: tensors joined along dim.
//
// tensors [...] that differ in dim only → out, whose dim is the sum of theirs.
// Bound by bytes.
//
// One launch copies one of the tensors: chunk and out_chunk are the elements that it
// and out have for each place of the dimensions before dim, start those of the
// tensors before it.

kernel void flowrun_concat(global const T *tensors, global T *out, int dim,
                           int n, int chunk, int out_chunk, int start) {
    int i = get_global_id(0);
    if (i < n) {
        out[i / chunk * out_chunk + start + i % chunk] = tensors[i];
    }
}
