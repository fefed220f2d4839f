package kernels_test

import (
	"math"
	"slices"

	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/ir"
)

// Cases that are drawn. A shape has ones in any place, now and then no element,
// sizes that are odd, and as many dimensions as a tensor may have; arguments are
// whatever the op takes for it.

// drawing draws the operands and the arguments of an op's call.
type drawing struct {
	*rapid.T
	border int // a size that the case must have; 0 if there is none
}

// drawnSizes are what a dimension has. Ones come most often: a walk merges
// dimensions, and those of size 1 are where strides stop being what they seem.
var drawnSizes = []int{1, 1, 1, 1, 1, 1, 2, 2, 2, 3, 3, 4, 5, 6, 7, 9, 17, 0}

// mostDrawn is how many elements a drawn operand has at most.
const mostDrawn = 1500

func (d drawing) int(from, to int) int { return rapid.IntRange(from, to).Draw(d.T, "int") }
func (d drawing) flag() bool           { return rapid.Bool().Draw(d.T, "flag") }
func (d drawing) size() int            { return rapid.SampledFrom(drawnSizes).Draw(d.T, "size") }

func (d drawing) shape(leastRank int) ir.Shape {
	if d.border > 0 {
		leastRank = max(leastRank, 2)
	}
	rank := d.int(leastRank, max(leastRank, 4))
	if d.int(0, 7) == 0 {
		rank = ir.MaxRank
	}
	return d.ofRank(rank)
}

func (d drawing) ofRank(rank int) ir.Shape {
	if rank == ir.MaxRank && d.border == 0 && d.flag() { // no dimension that a walk leaves out
		return rapid.SliceOfN(rapid.SampledFrom([]int{2, 2, 2, 2, 3}), rank, rank).Draw(d.T, "shape")
	}
	s, left := make(ir.Shape, rank), mostDrawn
	for at, i := range rapid.Permutation(indicesUpTo(rank)).Draw(d.T, "order") {
		if d.border > 0 && at == 0 {
			s[i], left = d.border, besideBorder
			continue
		}
		if s[i] = d.size(); s[i] > left || d.border > 0 && s[i] == 0 {
			s[i] = 1
		}
		if d.border > 0 && at == 1 && d.flag() {
			s[i] = besideBorder
		}
		left /= max(1, s[i])
	}
	return s
}

// besideBorder is how many elements the other dimensions have at most, where one has
// the size of a border.
const besideBorder = 3

// turned is a shape whose border, if it must have one, is along a dim.
func (d drawing) turned(shape ir.Shape, dim int) ir.Shape {
	if i := slices.Index(shape, d.border); d.border > 0 && i >= 0 {
		shape[i], shape[dim] = shape[dim], shape[i]
	}
	return shape
}

// part draws a shape that broadcasts to the one given.
func (d drawing) part(shape ir.Shape) ir.Shape {
	part := slices.Clone(shape[d.int(0, len(shape)):])
	for i := range part {
		if d.flag() {
			part[i] = 1
		}
	}
	return part
}

// withSize is a shape whose dimension has another size.
func withSize(shape ir.Shape, dim, size int) ir.Shape {
	shape = slices.Clone(shape)
	shape[dim] = size
	return shape
}

// dim draws one of a shape's dimensions, and how it is written: a negative one
// counts from the end.
func (d drawing) dim(shape ir.Shape) (dim, written int) {
	dim = d.int(0, len(shape)-1)
	if d.flag() {
		return dim, dim - len(shape)
	}
	return dim, dim
}

func (d drawing) dims(shape ir.Shape, least int) []int {
	all := rapid.Permutation(indicesUpTo(len(shape))).Draw(d.T, "dims")
	return all[:d.int(least, len(all))]
}

// lines draws a tensor to be reduced. In every other one an element stands out: of
// random ones hardly any decides what becomes of a long line, and the last of it
// almost never.
func (d drawing) lines(shape ir.Shape) input {
	in, n := d.tensor(shape), shape.Numel()
	if n == 0 || d.border == 0 && d.flag() {
		return in
	}
	at := rapid.SampledFrom([]int{n - 1, n / 2, 0, n - min(n, 2), d.int(0, n-1)}).Draw(d.T, "at")
	extreme := rapid.SampledFrom([]float64{25, -25, math.NaN(), math.Inf(1), math.Inf(-1)}).Draw(d.T, "extreme")
	return input{shape, func(dtype ir.DType, i int) any {
		switch {
		case dtype == ir.Bool: // one that is unlike all others
			return b2i((i == at) == (extreme > 0))
		case i != at:
			return in.values(dtype, i)
		case dtype.IsInt():
			return int64(math.Copysign(25, extreme))
		}
		return extreme
	}}
}

func b2i(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func (d drawing) seed() uint64                { return rapid.Uint64().Draw(d.T, "seed") }
func (d drawing) tensor(shape ir.Shape) input { return seeded(d.seed(), shape) }

// index draws indices of n places, some of them outside.
func (d drawing) index(n int, shape ir.Shape) input {
	if n == 0 { // then every index is outside
		return input{shape, func(ir.DType, int) any { return int64(0) }}
	}
	return indices(n, d.flag(), shape...)
}
