// Package kernels holds the kernels: the manifest kernels.yaml, which describes
// every one of them, and their sources, one folder per language, one file per
// kernel, the same name in every folder.
//
// The manifest is all that a host needs to launch a kernel on any device: which
// ops and dtypes it serves, its buffers and scalars, whether its output may
// overwrite an input.
package kernels

// Manifest is the content of kernels.yaml.
type Manifest struct {
	Kernels []*Kernel
	byOp    map[string][]*Kernel
}

// Kernel is one entry of the manifest.
type Kernel struct {
	Name string   // also the name of its source files
	Doc  string   // what it computes, with shapes
	Ops  []string // the ops it serves

	// DTypes are the combinations it serves: per type variable ("T", "U", …)
	// the dtypes it may stand for.
	DTypes map[string][]string
	// Inputs and Output are the buffers in order. A variadic kernel has one
	// input entry for any number of operands.
	Inputs []Buffer
	Output Buffer
	// Scalars are computed from the op's arguments and the buffers' shapes.
	Scalars []Scalar
	// InPlace names the inputs that the output may overwrite when they have the
	// output's type: element i is read before element i is written.
	InPlace []string
}

// Buffer is a buffer parameter of a kernel.
type Buffer struct {
	Name     string
	DType    string // a type variable, or a dtype
	Variadic bool
}

// Scalar is a scalar parameter of a kernel.
type Scalar struct {
	Name string
	Type string // int, float, bool, ints
	// Expr gives its value: an expr expression over the op's arguments by name
	// and the buffers' shapes (numel(out), size(x, -1), rank(x)).
	Expr string
}
