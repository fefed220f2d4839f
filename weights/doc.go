// Package weights reads files of weights, and decides which of a file's tensors go to
// which of a model's parameters.
//
// [Open] opens a safetensors file, a checkpoint, or an index of several files (shards).
// [Assign] compares what a file has with what a model needs, under a [Rule]; it looks at
// names and types alone. Strict, the default, means that both have the same tensors. What
// was decided is a [Report], whose tensors [File.Read] reads.
//
// Files come from anywhere. Reading one costs no more memory than its header and the
// tensors that are asked for. An index says what lies in which shard; before any tensor is
// read, each shard has been found in the index's folder, with the tensors that it should
// have.
package weights
