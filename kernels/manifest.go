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
//
// Kernels in Go are in kernels/cpu. [Sources] finds those in other languages, in the
// program or in a folder of the user's. A file with a [Body] holds a function of one
// element, or those of a reduction; its entry point is generated, alone and in the
// kernels that [Fuse] makes of several. [Kernel.Defines] specialises a source to
// dtypes, and [Kernel.Launches] computes all that its entry point is launched with, so
// a driver knows neither shapes nor scalars. [Manifest.Check] checks manifest, sources
// and ops against one another.
//
// The files, in the order in which to read them: manifest, load, index (the manifest);
// expr, functions, scalars (its expressions); launch, pack (launches); sources,
// signature, wrapper (sources); fuse, fused_source (fusion); check, source_check, ptx.
package kernels

import (
	"fmt"
	"maps"
	"slices"
)

// Kernel is one entry of the manifest.
type Kernel struct {
	Name string   // also the name of its source files
	Doc  string   // what it computes, with shapes
	Ops  []string // the ops it serves

	// DTypes are what each type variable ("T", "U", …) may stand for: see Choices.
	DTypes map[string][]string
	// Inputs and Output are the buffers in order. A variadic kernel has one
	// input entry for any number of operands.
	Inputs []Buffer
	Output Buffer
	// Scalars are computed from the op's arguments and the buffers' shapes.
	Scalars []Scalar
	// Sizes are further scalars for kernels in source languages, which know no
	// shapes: they are computed from the buffers' shapes and the Scalars.
	Sizes []Scalar
	// Grid says how many work-items a source-language kernel takes.
	Grid Grid
	// InPlace names the inputs that the output may overwrite if they have its dtype
	// and as many elements: sharing their memory doesn't change the result.
	InPlace []string
	// Body is set if the sources define a function of elements, from which the entry
	// point is generated. The kernel can then be a part of a fused one; see [Fuse].
	Body Body

	// Absent are those of [Languages] that it doesn't exist in.
	Absent []string

	header   string    // of sources: a file of common/ that comes before, which kernels share
	fused    *Recipe   // of a kernel that Fuse has made
	variants []variant // of languages that launch it in their own way
	ties     []tie
}

// tie is a type variable that follows another one.
type tie struct {
	variable, of string
	same, wide   bool // it may be what that one is, or what that one is computed in
}

// allows reports whether the variable may be a dtype where the other one is another.
func (t tie) allows(dtype, of string) bool {
	return t.same && dtype == of || t.wide && dtype == wide(of)
}

// wide is the dtype in which elements are computed.
func wide(dtype string) string {
	if dtype == "f16" || dtype == "bf16" {
		return "f32"
	}
	return dtype
}

// variant is a kernel as a language sees it.
type variant struct {
	language string
	kernel   *Kernel
}

// For gives the kernel as a language's device launches it: itself, or one with
// other sizes and another grid. Its source takes the same parameters.
func (k *Kernel) For(language string) *Kernel {
	for i := range k.variants {
		if k.variants[i].language == language {
			return k.variants[i].kernel
		}
	}
	return k
}

// In reports whether the kernel exists in a language: one of [Languages], or "" for Go.
func (k *Kernel) In(language string) bool { return !slices.Contains(k.Absent, language) }

// Body is the role that a kernel can have in a fused one.
type Body string

// The roles.
const (
	NoBody     Body = ""
	MapBody    Body = "map"    // element i of the output from element i of each broadcast input
	ReduceBody Body = "reduce" // elements are joined, two at a time; the input is x, the scalar dim
)

// Buffer is a buffer parameter of a kernel.
type Buffer struct {
	Name     string // the op's operand; "out" for the output
	DType    string // a type variable, or a dtype
	Variadic bool
}

// Scalar is a scalar parameter of a kernel.
type Scalar struct {
	Name string
	Type string // one of ScalarTypes or SizeTypes
	// Expr gives its value: an expr expression over the op's arguments by name
	// and the buffers' shapes (numel(out), size(x, -1), rank(x)).
	Expr string

	program *program // nil if Expr is the plain name of an argument

	// Of a fused kernel's part: the scalar's value, and the dtype for which it is
	// passed, where that isn't the output's.
	value any
	dtype string
}

// ScalarTypes are the types of scalars, as a kernel sees them in Go: int and
// long are an int, float a float64, bool a bool, ints a []int (pairs are laid
// flat), and number an int or a float64, as the spec gave it.
//
// In source languages int and bool are 32-bit integers, long a 64-bit one,
// float is f64 where the output is and f32 elsewhere, and number is the type in
// which the output's elements are computed. An ints isn't passed: what a kernel
// needs of it, its sizes say.
var ScalarTypes = []string{"int", "long", "float", "bool", "ints", "number"}

// SizeTypes are the types of sizes: int and long as above, and lists of eight
// 32-bit integers, one for each dimension, innermost first.
//
// A shape is walked together with the strides that follow it: dimensions of size 1
// are left out, and neighbours that all the strides go through
// evenly become one. So most walks have one dimension or two. dims and offsets
// are lists as they are. A shape and dims are filled up with 1, strides and offsets
// with 0.
var SizeTypes = []string{"int", "long", "shape", "strides", "dims", "offsets"}

// Grid is the number of work-items that a source-language kernel takes.
type Grid struct {
	// Items are the work-items in each of one to three dimensions. They are
	// rounded up to whole groups.
	Items []Scalar
	// Group is the number of work-items in a group, per dimension: powers of two.
	// In one dimension it is the largest that the kernel can use, and halved where
	// a device can't run it.
	Group []int
	// Launches is how often the kernel is launched, one launch after the other.
	Launches Scalar
}

// Entry is the name of the kernel's function in every source language.
func (k *Kernel) Entry() string { return "flowrun_" + k.Name }

// Serves reports whether the kernel takes buffers of these dtypes.
func (k *Kernel) Serves(inputs []string, output string) bool {
	_, ok := k.bind(inputs, output)
	return ok
}

// Bind returns the dtype of each type variable for buffers of these dtypes; ok is
// false if the kernel doesn't serve them.
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

// Choices lists what the type variables may stand for together.
func (k *Kernel) Choices() []map[string]string {
	all := []map[string]string{{}}
	for _, v := range slices.Sorted(maps.Keys(k.DTypes)) {
		var next []map[string]string
		for _, chosen := range all {
			for _, dtype := range k.DTypes[v] {
				c := maps.Clone(chosen)
				c[v] = dtype
				next = append(next, c)
			}
		}
		all = next
	}
	return slices.DeleteFunc(all, func(types map[string]string) bool {
		return slices.ContainsFunc(k.ties, func(t tie) bool { return !t.allows(types[t.variable], types[t.of]) })
	})
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
	return bound, k.match(&bound, k.Output.DType, output) && k.tied(&bound)
}

// tied reports whether variables that follow others do.
func (k *Kernel) tied(bound *[maxVariables]binding) bool {
	dtype := func(variable string) string {
		for _, b := range bound {
			if b.variable == variable {
				return b.dtype
			}
		}
		return ""
	}
	for _, t := range k.ties {
		if !t.allows(dtype(t.variable), dtype(t.of)) {
			return false
		}
	}
	return true
}

// match compares a buffer's declared dtype with the actual one, and binds a type
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

// Defines are the preprocessor's definitions, NAME=VALUE, that make a kernel's
// source serve buffers of these dtypes: DTYPE_T for each type variable T, and
// GROUP, the largest size of its groups. It must serve them.
func (k *Kernel) Defines(inputs []string, output string) []string {
	types, _ := k.Bind(inputs, output)
	return k.DefinesFor(types)
}

// DefinesFor are the same for the dtypes of the type variables.
func (k *Kernel) DefinesFor(types map[string]string) []string {
	defines := make([]string, 0, len(types)+1)
	for _, v := range slices.Sorted(maps.Keys(types)) {
		defines = append(defines, "DTYPE_"+v+"="+sourceDType(types[v]))
	}
	return append(defines, fmt.Sprintf("GROUP=%d", Numel(k.Grid.Group)))
}

// sourceDType is a dtype's name in sources, where bool is a word of the language.
func sourceDType(dtype string) string {
	if dtype == "bool" {
		return "b8"
	}
	return dtype
}
