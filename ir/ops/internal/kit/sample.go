package kit

import (
	"slices"

	"github.com/flowrun/flowrun/ir"
)

func coin(s ir.Sampler) bool { return s.Int(0, 1) == 1 }

// SampleUnary draws calls of an elementwise op with arguments.
func SampleUnary(args ...any) func(ir.Sampler) []any {
	return func(s ir.Sampler) []any { return append([]any{s.Between(-3, 3, s.Shape(0))}, args...) }
}

// SampleReduction draws calls of a reduction; with nonempty, of something.
func SampleReduction(nonempty bool) func(ir.Sampler) []any {
	return func(s ir.Sampler) []any {
		shape := s.Shape(1)
		dims := s.Dims(shape, 1)
		if coin(s) {
			shape = s.Long(shape, dims[0])
		}
		for _, d := range dims {
			if nonempty {
				shape[d] = max(shape[d], 1)
			}
		}
		return []any{s.Rows(shape), dims, coin(s)}
	}
}

// SampleArg draws calls of an op that looks for an element along a dim.
func SampleArg(s ir.Sampler) []any {
	shape := s.Shape(1)
	dim, written := s.Dim(shape)
	shape = s.Long(shape, dim)
	shape[dim] = max(shape[dim], 1)
	return []any{s.Rows(shape), written, coin(s)}
}

// SampleAlong draws calls of an op that works along a dim.
func SampleAlong(s ir.Sampler) []any {
	shape := s.Shape(1)
	dim, written := s.Dim(shape)
	return []any{s.Rows(s.Long(shape, dim)), written}
}

// SampleNorm draws calls of a normalisation with as many parameters of the size of
// a row.
func SampleNorm(parameters int) func(ir.Sampler) []any {
	return func(s ir.Sampler) []any {
		shape := s.Shape(1)
		last := len(shape) - 1
		shape = s.Long(shape, last)
		shape[last] = max(shape[last], 1)
		args := []any{s.Tensor(shape)}
		for range parameters {
			args = append(args, s.Tensor(shape[last:]))
		}
		return append(args, 0.5)
	}
}

// SampleIndexed draws a shape, a dim of it, and the shape of an index into it: of
// any size along the dim, and at most of the shape's own elsewhere.
func SampleIndexed(s ir.Sampler) (shape ir.Shape, dim, written int, index ir.Shape) {
	shape = s.Shape(1)
	dim, written = s.Dim(shape)
	index = slices.Clone(shape)
	for i := range index {
		if i == dim {
			index[i] = s.Count(shape, dim)
		} else if s.Int(0, 3) == 0 {
			index[i] = s.Int(0, shape[i])
		}
	}
	return shape, dim, written, index
}

// SamplePool draws a value to pool along its last dims, and kernel_size, stride and
// padding, of windows whose elements are so far apart.
func SamplePool(s ir.Sampler, rank, apart int) (shape ir.Shape, args []any) {
	shape = s.OfRank(rank + s.Int(1, 2))
	kernel, padding := make([]int, rank), make([]int, rank)
	for d := range rank {
		size := &shape[len(shape)-rank+d]
		*size = max(1, *size)
		kernel[d] = s.Int(1, min(3, (*size-1)/apart+1))
		padding[d] = s.Int(0, (apart*(kernel[d]-1)+1)/2)
	}
	var stride any
	if coin(s) {
		stride = s.Int(1, 3)
	}
	return shape, []any{kernel, stride, padding}
}
