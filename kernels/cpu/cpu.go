// Package cpu holds the kernels in Go, one file per kernel, under the manifest's
// names. Files whose names begin with lib_ are what kernels share: the loops around
// their rows (lib_elementwise, lib_reduce, lib_strided, lib_walk), their choice by
// dtype (lib_dtype, lib_widened), and functions of numbers (lib_half, lib_math).
// matmul has files of its own: in assembly (package asm) products of tiles and of rows,
// which convolutions use too, and in Go small and blocked products, for integers and for
// processors without assembly.
//
// A kernel is bound once to fixed memory and runs many times: everything that
// can be decided from dtypes, shapes and scalars (which loop, which strides,
// how much scratch) is decided at binding, so that a run checks nothing and
// allocates nothing; but large scratch memory is shared among kernels, and
// allocated by the first that run (lib_scratch). Small networks live from that:
// a kernel over a few elements costs some ten nanoseconds.
//
// Elementwise kernels and reductions can be parts of a fused one, which works block by
// block (lib_strip, lib_chain). Where package asm has a function for a kernel's rows, it
// is used from a few elements on; the loops in Go serve small tensors, other processors,
// and tests as the reference.
//
// A result depends on the inputs' bits and the instruction set alone: every sum is taken
// in an order that is fixed by the shapes, whatever number of threads share a large kernel
// (lib_parallel). Reductions of floats accumulate in f64; matmul
// and the scattering kernels add up in their own type. f16 and bf16 are storage
// types: their kernels widen the inputs to f32, run in f32 and round the output
// to nearest even. Indices out of range read NaN (0 in types without it) and
// write nothing.
package cpu

import (
	"fmt"
	"maps"
	"slices"
)

// Args are what a kernel is bound to: the manifest's inputs in order, its
// output, and its scalars in order.
type Args struct {
	Inputs  []Buffer
	Output  Buffer
	Scalars []any // int, float64, bool or []int, as the manifest types them
	Threads int   // how many threads may share the kernel; 0: as many as Go uses (GOMAXPROCS)

	kernel string            // its name
	single [maxOperands]bool // of an elementwise part's inputs: whether it is one element for all
}

// Buffer is memory that holds a dense, row-major tensor. Its address is a
// multiple of its element's size.
type Buffer struct {
	Data  []byte // exactly the tensor's bytes
	DType string
	Shape []int // no negative sizes; at most 8 dimensions
}

// Kernel binds a kernel to memory. The function that it gives computes the
// output from what the inputs hold at that time. It must not run twice at once.
//
// The error says which shapes or dtypes don't go together.
type Kernel func(Args) (run func(), err error)

// Lookup finds a kernel by its name in the manifest, or nil.
func Lookup(name string) Kernel { return registry[name] }

// Names lists the kernels, in no particular order.
func Names() []string { return slices.Collect(maps.Keys(registry)) }

// registry is filled by the kernels' files at init, and forms with it.
var (
	registry = map[string]Kernel{}
	forms    = map[string]form{}
)

// binder is a Kernel as the files here write it: it reports bad arguments by
// fail.
type binder = func(*Args) func()

// form is a kernel that can be a part of a fused one, besides being bound alone.
type form struct {
	bind binder
	part mapper  // of elementwise kernels
	over reducer // of reductions
}

// badArgs is what fail throws and register catches.
type badArgs string

// fail ends a binding with an error.
func fail(format string, args ...any) { panic(badArgs(fmt.Sprintf(format, args...))) }

// register makes a kernel known.
func register[K binder | form](name string, kernel K) {
	bind, ok := any(kernel).(binder)
	if !ok {
		f := any(kernel).(form)
		bind, forms[name] = f.bind, f
	}
	registry[name] = func(a Args) (run func(), err error) {
		defer caught(name, &err)
		a.kernel = name
		return bind(&a), nil
	}
}

// caught turns what fail throws into an error of a kernel.
func caught(name string, err *error) {
	switch r := recover().(type) {
	case nil:
	case badArgs:
		*err = fmt.Errorf("kernel %s: %s", name, string(r))
	default:
		panic(r)
	}
}

// The scalars, by position and type.

func (a *Args) scalar(i int) any {
	if i >= len(a.Scalars) {
		fail("scalar %d is missing", i)
	}
	return a.Scalars[i]
}

func scalarOf[T any](a *Args, i int) T {
	v, ok := a.scalar(i).(T)
	if !ok {
		fail("scalar %d must be a %T, got %v (%T)", i, v, a.scalar(i), a.scalar(i))
	}
	return v
}

func (a *Args) int(i int) int       { return scalarOf[int](a, i) }
func (a *Args) ints(i int) []int    { return scalarOf[[]int](a, i) }
func (a *Args) bool(i int) bool     { return scalarOf[bool](a, i) }
func (a *Args) float(i int) float64 { return scalarOf[float64](a, i) }

// dim reads a dimension of a shape.
func (a *Args) dim(i int, shape []int) int {
	d := a.int(i)
	if d < 0 || d >= len(shape) {
		fail("dim %d is out of range for the shape %v", d, shape)
	}
	return d
}

// input gives input i.
func (a *Args) input(i int) Buffer {
	if i >= len(a.Inputs) {
		fail("input %d is missing", i)
	}
	return a.Inputs[i]
}
