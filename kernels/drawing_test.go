package kernels_test

import (
	"math"
	"slices"

	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/irtest"
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

func (d drawing) Int(from, to int) int { return rapid.IntRange(from, to).Draw(d.T, "int") }
func (d drawing) flag() bool           { return rapid.Bool().Draw(d.T, "flag") }
func (d drawing) size() int            { return rapid.SampledFrom(drawnSizes).Draw(d.T, "size") }

func (d drawing) Shape(leastRank int) ir.Shape {
	if d.border > 0 {
		leastRank = max(leastRank, 2)
	}
	rank := d.Int(leastRank, max(leastRank, 4))
	if d.Int(0, 7) == 0 {
		rank = ir.MaxRank
	}
	return d.OfRank(rank)
}

func (d drawing) OfRank(rank int) ir.Shape {
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

// Long is a shape whose border, if it must have one, is along a dim.
func (d drawing) Long(shape ir.Shape, dim int) ir.Shape {
	if i := slices.Index(shape, d.border); d.border > 0 && i >= 0 {
		shape[i], shape[dim] = shape[dim], shape[i]
	}
	return shape
}

// Part draws a shape that broadcasts to the one given.
func (d drawing) Part(shape ir.Shape) ir.Shape {
	part := slices.Clone(shape[d.Int(0, len(shape)):])
	for i := range part {
		if d.flag() {
			part[i] = 1
		}
	}
	return part
}

// Dim draws one of a shape's dimensions, and how it is written: a negative one
// counts from the end.
func (d drawing) Dim(shape ir.Shape) (dim, written int) {
	dim = d.Int(0, len(shape)-1)
	if d.flag() {
		return dim, dim - len(shape)
	}
	return dim, dim
}

func (d drawing) Dims(shape ir.Shape, least int) []int {
	all := rapid.Permutation(indicesUpTo(len(shape))).Draw(d.T, "dims")
	return all[:d.Int(least, len(all))]
}

// Count draws how many indices there are along a dim.
func (d drawing) Count(shape ir.Shape, dim int) int {
	if d.border > 0 && shape[dim] == d.border {
		return d.border
	}
	return d.size()
}

// Product draws the sizes of a matrix product.
func (d drawing) Product() (m, k, n int, batch ir.Shape) {
	sizes := d.OfRank(3)
	if d.border > 0 && d.border <= 256 { // enough multiplications for tiles, which small products go without
		sizes = rapid.Permutation([]int{33, 65, d.border}).Draw(d.T, "sizes")
	}
	if d.border == 0 {
		batch = d.OfRank(d.Int(0, 3))
	}
	return sizes[0], sizes[1], sizes[2], batch
}

func (d drawing) seed() uint64 { return rapid.Uint64().Draw(d.T, "seed") }

// sampler draws a call, and collects its operands.
type sampler struct {
	drawing
	inputs []input
}

// operand stands for an input among a call's arguments, and asked for the dtype of
// its result.
type (
	operand int
	asked   struct{}
)

func (s *sampler) add(in input) operand {
	s.inputs = append(s.inputs, in)
	return operand(len(s.inputs) - 1)
}

func (s *sampler) DType() any                               { return asked{} }
func (s *sampler) Tensor(shape ir.Shape) any                { return s.add(seeded(s.seed(), shape)) }
func (s *sampler) Between(_, _ float64, shape ir.Shape) any { return s.Tensor(shape) }
func (s *sampler) Bools(shape ir.Shape) any                 { return s.Tensor(shape) }

// Dominant draws matrices that products with their inverse hardly enlarge.
func (s *sampler) Dominant(shape ir.Shape) any {
	in := seeded(s.seed(), shape)
	return s.add(input{shape, func(dtype ir.DType, i int) any {
		return irtest.Dominant(in.values(dtype, i).(float64)/3, i, shape)
	}})
}

// Rows draws a tensor to be reduced. In every other one an element stands out: of
// random ones hardly any decides what becomes of a long row, and the last of it
// almost never.
func (s *sampler) Rows(shape ir.Shape) any {
	in, n := seeded(s.seed(), shape), shape.Numel()
	if n == 0 || s.border == 0 && s.flag() {
		return s.add(in)
	}
	at := rapid.SampledFrom([]int{n - 1, n / 2, 0, n - min(n, 2), s.Int(0, n-1)}).Draw(s.T, "at")
	extreme := rapid.SampledFrom([]float64{25, -25, math.NaN(), math.Inf(1), math.Inf(-1)}).Draw(s.T, "extreme")
	return s.add(input{shape, func(dtype ir.DType, i int) any {
		switch {
		case dtype == ir.Bool: // one that is unlike all others
			return b2i((i == at) == (extreme > 0))
		case i != at:
			return in.values(dtype, i)
		case dtype == ir.U8:
			return 255 * b2i(extreme > 0)
		case dtype.IsInt():
			return int64(math.Copysign(25, extreme))
		}
		return extreme
	}})
}

func b2i(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// Indices draws indices into a dim, some of them outside.
func (s *sampler) Indices(size int, shape ir.Shape) any {
	if size == 0 { // then every index is outside
		return s.add(input{shape, func(ir.DType, int) any { return int64(0) }})
	}
	return s.add(indices(size, s.flag(), shape...))
}

// Choose draws integers, element i one of from(i).
func (s *sampler) Choose(shape ir.Shape, from func(i int) []int) any {
	seed := s.seed()
	return s.add(input{shape, func(_ ir.DType, i int) any {
		all := from(i)
		return int64(all[mix(seed, i)%uint64(len(all))])
	}})
}

// Ordered draws indices along a dim, and their order.
func (s *sampler) Ordered(size int, shape ir.Shape, dim int) (index, order any) {
	index = s.Indices(size, shape)
	in := s.inputs[index.(operand)]
	sorted := irtest.OrderOf(in.tensor(ir.I32).Array(), dim)
	return index, s.add(input{shape, func(_ ir.DType, i int) any { return sorted.I[i] }})
}

// of draws a case of an op.
func (d drawing) of(name string) opCase {
	op, s := ir.LookupOp(name), &sampler{drawing: d}
	args := irtest.Draw(op, s)
	if op.Random {
		args = append(args, s.add(randomStep), randomKey)
	}
	return opCase{s.inputs, func(x []*ir.Node, out ir.DType) []any { return argumentsOf(args, x, out) }}
}

// argumentsOf puts operands and a dtype in the place of what stands for them.
func argumentsOf(args []any, x []*ir.Node, out ir.DType) []any {
	all := make([]any, len(args))
	for i, a := range args {
		switch a := a.(type) {
		case operand:
			all[i] = x[a]
		case asked:
			all[i] = out
		case []any:
			all[i] = argumentsOf(a, x, out)
		default:
			all[i] = a
		}
	}
	return all
}
