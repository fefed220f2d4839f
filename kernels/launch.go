package kernels

import (
	"fmt"
	"math"
)

// Tensor is what a launch needs to know about a buffer.
type Tensor struct {
	DType string
	Shape []int
}

// Limits are a device's for a kernel that it has built.
type Limits struct {
	Group int // most work-items in a group; 0 if there is no limit
}

// Launch is one launch of a kernel in a source language. Its function takes the
// buffers of Inputs, the output's buffer, and Args.
type Launch struct {
	Inputs []int    // the operands that are passed, by number
	Args   [][]byte // the values of the further parameters, as they lie in memory, little-endian
	// Global is the number of work-items per dimension, one to three, and Local
	// that of a group. Global is a multiple of Local.
	Global, Local []int
}

// Launches computes what a device has to launch, in this order, to run the
// kernel on buffers of these types, with scalars from EvalScalars. None if the
// output has no elements; a variadic kernel is launched once for each operand.
// The error says what doesn't fit: a shape, or the device's limits.
func (k *Kernel) Launches(inputs []Tensor, output Tensor, scalars []any, limits Limits) ([]Launch, error) {
	if len(scalars) != len(k.Scalars) {
		return nil, fmt.Errorf("kernel %s takes %d scalars, got %d", k.Name, len(k.Scalars), len(scalars))
	}
	if Numel(output.Shape) == 0 {
		return nil, nil
	}
	for _, t := range append(inputs[:len(inputs):len(inputs)], output) {
		if n := Numel(t.Shape); n > math.MaxInt32 {
			return nil, fmt.Errorf("kernel %s: %s%v has %d elements; kernels in source languages count in 32 bits, up to %d; put the op on the CPU",
				k.Name, t.DType, t.Shape, n, math.MaxInt32)
		}
	}
	if k.fused != nil {
		if err := k.fused.fits(inputs, output); err != nil {
			return nil, fmt.Errorf("kernel %s: %w", k.Name, err)
		}
	}
	l := launcher{kernel: k, output: output, scalars: scalars}
	if err := l.fit(limits); err != nil {
		return nil, err
	}
	variadic := len(k.Inputs) > 0 && k.Inputs[len(k.Inputs)-1].Variadic
	count := len(inputs) - len(k.Inputs) + 1
	if !variadic {
		l.take(inputs)
		var err error
		if count, err = l.count(&k.Grid.Launches); err != nil {
			return nil, err
		}
	}
	launches := make([]Launch, 0, count)
	for number := range count {
		l.number, l.shapes, l.before = number, l.shapes[:0], nil
		var passed []int
		for i, in := range inputs {
			if variadic && i >= len(k.Inputs)-1 && i-len(k.Inputs)+1 != number {
				if i-len(k.Inputs)+1 < number {
					l.before = append(l.before, in.Shape)
				}
				continue
			}
			passed = append(passed, i)
			l.shapes = append(l.shapes, in.Shape)
		}
		launch, err := l.launch()
		if err != nil {
			return nil, err
		}
		if Numel(launch.Global) > 0 {
			launch.Inputs = passed
			launches = append(launches, launch)
		}
	}
	return launches, nil
}

// launcher computes a kernel's launches.
type launcher struct {
	kernel  *Kernel
	output  Tensor
	scalars []any
	group   []int

	// What a launch passes.
	number int
	shapes [][]int // of the inputs
	before [][]int // of a variadic kernel's operands that came before

	sizes []any // as far as they are known
}

// fit chooses the size of groups.
func (l *launcher) fit(limits Limits) error {
	l.group = append([]int(nil), l.kernel.Grid.Group...)
	if limits.Group <= 0 {
		return nil
	}
	if len(l.group) == 1 {
		for l.group[0] > limits.Group {
			l.group[0] /= 2
		}
	}
	if n := Numel(l.group); n > limits.Group {
		return fmt.Errorf("kernel %s needs groups of %d work-items, but the device allows at most %d", l.kernel.Name, n, limits.Group)
	}
	return nil
}

// launch computes a launch.
func (l *launcher) launch() (Launch, error) {
	k := l.kernel
	l.sizes = l.sizes[:0]
	for i := range k.Sizes {
		v, err := l.size(&k.Sizes[i])
		if err != nil {
			return Launch{}, err
		}
		l.sizes = append(l.sizes, v)
	}
	launch := Launch{Local: l.group, Global: make([]int, len(l.group))}
	for i := range k.Grid.Items {
		items, err := l.count(&k.Grid.Items[i])
		if err != nil {
			return Launch{}, err
		}
		launch.Global[i] = (items + l.group[i] - 1) / l.group[i] * l.group[i]
	}
	var err error
	launch.Args, err = l.pack()
	return launch, err
}

// take sets the inputs that a launch passes.
func (l *launcher) take(inputs []Tensor) {
	l.shapes = l.shapes[:0]
	for _, in := range inputs {
		l.shapes = append(l.shapes, in.Shape)
	}
}

// count evaluates a number of work-items or launches.
func (l *launcher) count(s *Scalar) (int, error) {
	v, err := l.value(s)
	if err != nil {
		return 0, err
	}
	count, ok := v.(int)
	if !ok {
		return 0, fmt.Errorf("kernel %s: the number of %s must be an int, got %v (%T)", l.kernel.Name, s.Name, v, v)
	}
	return count, nil
}

// value evaluates an expression.
func (l *launcher) value(s *Scalar) (any, error) {
	if s.program == nil {
		return l.lookup(s.Expr), nil
	}
	return s.program.eval(l.lookup)
}

// size evaluates a size and brings it into its type.
func (l *launcher) size(s *Scalar) (any, error) {
	v, err := l.value(s)
	if err != nil {
		return nil, err
	}
	switch s.Type {
	case "int", "long":
		if v, ok := v.(bool); ok {
			return intOf(v), nil
		}
		if _, ok := v.(int); ok {
			return v, nil
		}
	default:
		if _, ok := v.([]int); ok {
			return v, nil
		}
	}
	return nil, fmt.Errorf("kernel %s: the size %s must be of type %s, got %v (%T)", l.kernel.Name, s.Name, s.Type, v, v)
}

// lookup returns the value of a name in an expression.
func (l *launcher) lookup(name string) any {
	switch name {
	case "launch":
		return l.number
	case "group":
		return Numel(l.group)
	case "before":
		return l.before
	}
	if shape, ok := l.kernel.shapeOf(name, l.shapes, l.output.Shape); ok {
		return shape
	}
	for i := range l.sizes {
		if l.kernel.Sizes[i].Name == name {
			return l.sizes[i]
		}
	}
	for i := range l.scalars {
		if l.kernel.Scalars[i].Name == name {
			return l.scalars[i]
		}
	}
	return nil
}
