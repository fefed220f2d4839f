package ops_test

import (
	"slices"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/irtest"
)

// sampler draws small calls. No two numbers that one sampler draws are nearer than
// 0.05, and none is nearer than 0.02 to 0, a whole number or a half: no step of a
// finite difference crosses a tie, a bound or a kink.
type sampler struct {
	*rapid.T
	dtype  ir.DType
	empty  bool // sizes may be 0
	taken  map[int]bool
	b      *ir.Builder
	inputs map[string]*ir.Node
	values map[*ir.Node]*ir.Array
}

func newSampler(t *rapid.T, d ir.DType) *sampler {
	return &sampler{T: t, dtype: d, empty: rapid.IntRange(0, 7).Draw(t, "empty") == 0, taken: map[int]bool{},
		b: ir.NewBuilder(&ir.Graph{}), inputs: map[string]*ir.Node{}, values: map[*ir.Node]*ir.Array{}}
}

// input adds an input with a value to the graph.
func (s *sampler) input(x *ir.Array) any {
	name := string(rune('a' + len(s.inputs)))
	n := s.b.NewState(name, ir.InputState, x.Type).Read
	s.inputs[name], s.values[n] = n, x
	return n
}

func (s *sampler) Int(low, high int) int {
	return rapid.IntRange(low, high).Draw(s.T, "int")
}

func (s *sampler) Shape(rank int) ir.Shape { return s.OfRank(s.Int(rank, max(rank, 3))) }

func (s *sampler) OfRank(rank int) ir.Shape {
	sizes := rapid.IntRange(1, 3)
	if s.empty {
		sizes = rapid.SampledFrom([]int{1, 1, 2, 3, 0})
	}
	return rapid.SliceOfN(sizes, rank, rank).Draw(s.T, "shape")
}

func (s *sampler) Part(shape ir.Shape) ir.Shape {
	part := slices.Clone(shape[s.Int(0, len(shape)):])
	for i := range part {
		if s.Int(0, 1) == 1 {
			part[i] = 1
		}
	}
	return part
}

func (s *sampler) Dim(shape ir.Shape) (dim, written int) {
	written = s.Int(-len(shape), len(shape)-1)
	return (written + len(shape)) % len(shape), written
}

func (s *sampler) Dims(shape ir.Shape, least int) []int {
	dims := make([]int, len(shape))
	for i := range dims {
		dims[i] = i
	}
	return rapid.Permutation(dims).Draw(s.T, "dims")[:s.Int(least, len(dims))]
}

func (s *sampler) Long(shape ir.Shape, _ int) ir.Shape { return shape }
func (s *sampler) Count(ir.Shape, int) int             { return s.Int(1, 4) }
func (s *sampler) DType() any                          { return s.dtype }

func (s *sampler) Product() (m, k, n int, batch ir.Shape) {
	sizes := s.OfRank(3)
	return sizes[0], sizes[1], sizes[2], s.OfRank(s.Int(0, 2))
}

func (s *sampler) Tensor(shape ir.Shape) any { return s.Between(-2, 2, shape) }
func (s *sampler) Rows(shape ir.Shape) any   { return s.Between(-2, 2, shape) }

func (s *sampler) Between(low, high float64, shape ir.Shape) any {
	return s.input(s.numbers(low, high, shape))
}

// numbers draws numbers from low to high; above, if those don't suffice.
func (s *sampler) numbers(low, high float64, shape ir.Shape) *ir.Array {
	x := ir.NewArray(ir.Type{DType: s.dtype, Shape: shape})
	from, to := int(low*20), int(high*20)
	for i := range x.F {
		k := rapid.IntRange(from, to-1).Draw(s.T, "value")
		for tries := 0; s.taken[k]; tries++ {
			if k++; k == to && tries < to-from {
				k = from
			}
		}
		s.taken[k] = true
		x.F[i] = float64(k)/20 + 0.02
	}
	return x
}

func (s *sampler) Dominant(shape ir.Shape) any {
	x := s.numbers(-2, 2, shape)
	for i := range x.F {
		x.F[i] = irtest.Dominant(x.F[i]/2, i, shape)
	}
	return s.input(x)
}

func (s *sampler) Bools(shape ir.Shape) any {
	return s.integers(ir.Bool, 0, 1, shape)
}

func (s *sampler) Indices(size int, shape ir.Shape) any {
	if s.Int(0, 1) == 1 {
		return s.integers(ir.I32, -1, size, shape)
	}
	return s.integers(ir.I32, 0, max(size-1, 0), shape)
}

func (s *sampler) Choose(shape ir.Shape, from func(i int) []int) any {
	x := ir.NewArray(ir.Type{DType: ir.I32, Shape: shape})
	for i := range x.I {
		x.I[i] = int64(rapid.SampledFrom(from(i)).Draw(s.T, "chosen"))
	}
	return s.input(x)
}

func (s *sampler) Ordered(size int, shape ir.Shape, dim int) (indices, order any) {
	indices = s.Indices(size, shape)
	return indices, s.input(irtest.OrderOf(s.values[indices.(*ir.Node)], dim))
}

func (s *sampler) integers(d ir.DType, low, high int, shape ir.Shape) any {
	x := ir.NewArray(ir.Type{DType: d, Shape: shape})
	for i := range x.I {
		x.I[i] = int64(s.Int(low, high))
	}
	return s.input(x)
}

// draw draws a call of an op.
func draw(t *rapid.T, op *ir.Op, d ir.DType) *program {
	s := newSampler(t, d)
	args := irtest.Draw(op, s)
	if op.Random {
		args = append(args, s.b.Scalar(ir.I64, 3), 17)
	}
	out, err := s.b.Call(op, args)
	require.NoError(t, err, op.Name)
	p := &program{t: t, b: s.b, inputs: s.inputs, values: s.values, out: out}
	p.verify()
	return p
}

// drawOver draws a matrix x for an expression.
func drawOver(t *rapid.T, expr string, low, high float64, d ir.DType) *program {
	s := newSampler(t, d)
	s.empty = false
	return compile(t, expr, map[string]*ir.Array{"x": s.numbers(low, high, s.OfRank(2))})
}

// specialForms are calls of ops in ways that have gradients of their own, over a
// matrix x with numbers from low to high.
var specialForms = []struct {
	expr      string
	low, high float64
}{
	{"cumprod(where(abs(x) < 1, 0.0, x), 1)", -2, 2},
	{"scatter_reduce(x, 1, zeros_like(cast(x, \"i32\")), where(abs(x) < 1, 0.0, x), \"prod\", false)", -2, 2},
	{"x ** 0", 0.2, 3},
	{"x ** 1", 0.2, 3},
	{"x ** 2", -3, 3},
	{"x ** 3.5", 0.2, 3},
	{"x ** -1", 0.2, 3},
	{"2.5 ** x", -2, 2},
	{"1 / x", 0.2, 3},
	{"clamp(x, min=0.5)", -3, 3},
	{"clamp(x, max=0.5)", -3, 3},
	{"softplus(x)", -3, 3},
	{"max(x)", -3, 3},
	{"where(x < 0.5, x * 2, x)", -3, 3},
	{"prod_of_others(x)", -3, 3},
	{"prod_of_others(where(abs(x) < 1, 0.0, x), 1)", -2, 2},
	{`mean(cast(x > 0, "f64") * x, 0)`, -2, 2},
	{"concat([x, exp(x), x], 1)", -2, 2},
	{"matmul(x, transpose(x))", -2, 2},
	{"matmul(x, x, transpose_a=true)", -2, 2},
	{"transpose(unsqueeze(x, 0), 0, 2)", -2, 2},
	{"layer_norm(x, sum(x, 0), max(x, 0), 0.01)", -2, 2},
}
