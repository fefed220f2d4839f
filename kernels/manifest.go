// Package kernels holds the kernels: the manifest kernels.yaml, which describes
// every one of them, and their sources, one folder per language, one file per
// kernel, the same name in every folder.
//
// The manifest is all that a host needs to launch a kernel on any device: which
// ops and dtypes it serves, its buffers and scalars, whether its output may
// overwrite an input. [Parse] checks it as a whole: an unknown key, an unknown
// dtype or kind, or a name given twice is an error with its line. [Load] gives
// the manifest that is built in, which a test has checked, and reads each entry
// when it is first asked for: a run needs few of them.
package kernels

import "slices"

// Kernel is one entry of the manifest.
type Kernel struct {
	Name string   // also the name of its source files
	Doc  string   // what it computes, with shapes
	Ops  []string // the ops it serves

	// DTypes are the combinations it serves: per type variable ("T", "U", …)
	// the dtypes it may stand for, each independently of the others.
	DTypes map[string][]string
	// Inputs and Output are the buffers in order. A variadic kernel has one
	// input entry for any number of operands.
	Inputs []Buffer
	Output Buffer
	// Scalars are computed from the op's arguments and the buffers' shapes.
	Scalars []Scalar
	// InPlace names the inputs that the output may overwrite when they have the
	// output's dtype and as many elements: the kernel gives the same result when
	// both are the same memory.
	InPlace []string
}

// Buffer is a buffer parameter of a kernel.
type Buffer struct {
	Name     string // the op's operand; "out" for the output
	DType    string // a type variable, or a dtype
	Variadic bool
}

// Scalar is a scalar parameter of a kernel.
type Scalar struct {
	Name string
	Type string // one of ScalarTypes
	// Expr gives its value: an expr expression over the op's arguments by name
	// and the buffers' shapes (numel(out), size(x, -1), rank(x)).
	Expr string

	program *program // nil if Expr is the plain name of an argument
}

// ScalarTypes are the types of scalars, as a kernel sees them in Go: int is an
// int, float a float64, bool a bool, ints a []int (pairs are laid flat), and
// number an int or a float64, as the spec gave it.
var ScalarTypes = []string{"int", "float", "bool", "ints", "number"}

// Serves reports whether the kernel takes buffers of these dtypes.
func (k *Kernel) Serves(inputs []string, output string) bool {
	_, ok := k.bind(inputs, output)
	return ok
}

// Bind gives the dtype that each type variable stands for when the kernel is
// launched on buffers of these dtypes; ok is false if it doesn't serve them.
func (k *Kernel) Bind(inputs []string, output string) (types map[string]string, ok bool) {
	bound, ok := k.bind(inputs, output)
	if !ok {
		return nil, false
	}
	types = make(map[string]string, len(k.DTypes))
	for _, b := range bound {
		if b.variable != "" {
			types[b.variable] = b.dtype
		}
	}
	return types, true
}

// maxVariables is how many type variables a kernel may have.
const maxVariables = 4

type binding struct{ variable, dtype string }

func (k *Kernel) bind(inputs []string, output string) (bound [maxVariables]binding, ok bool) {
	variadic := len(k.Inputs) > 0 && k.Inputs[len(k.Inputs)-1].Variadic
	if len(inputs) != len(k.Inputs) && !(variadic && len(inputs) >= len(k.Inputs)-1) {
		return bound, false
	}
	for i, dtype := range inputs {
		if !k.match(&bound, k.Inputs[min(i, len(k.Inputs)-1)].DType, dtype) {
			return bound, false
		}
	}
	return bound, k.match(&bound, k.Output.DType, output)
}

// match holds a buffer's declared dtype against an actual one, binding a type
// variable at its first use.
func (k *Kernel) match(bound *[maxVariables]binding, declared, actual string) bool {
	allowed, variable := k.DTypes[declared]
	if !variable {
		return declared == actual
	}
	for i := range bound {
		switch bound[i].variable {
		case declared:
			return bound[i].dtype == actual
		case "":
			bound[i] = binding{declared, actual}
			return slices.Contains(allowed, actual)
		}
	}
	return false
}

// Input gives the declaration of operand i, the last one for the operands of a
// variadic kernel.
func (k *Kernel) Input(i int) Buffer { return k.Inputs[min(i, len(k.Inputs)-1)] }

// MayOverwrite reports whether the output may share the memory of operand i,
// given that dtype and number of elements agree.
func (k *Kernel) MayOverwrite(i int) bool { return slices.Contains(k.InPlace, k.Input(i).Name) }
