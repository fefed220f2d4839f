package ops_test

import (
	"fmt"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/ir"
)

// A sample is an expression and inputs at which it is smooth.
type sample struct {
	expr   string
	inputs map[string]*ir.Array
}

// source draws inputs. No two values that one source draws are nearer than
// 0.05, and none is nearer than 0.02 to 0, a whole number or a half: no step of
// a finite difference crosses a tie, a bound or a kink.
type source struct {
	*rapid.T
	dtype ir.DType
	taken map[int]bool
}

// tensor draws a tensor with values from low to high; above, if they don't
// suffice.
func (s *source) tensor(low, high float64, shape ir.Shape) *ir.Array {
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

// positive draws a tensor of positive values, which may be equal.
func (s *source) positive(shape ir.Shape) *ir.Array {
	x := ir.NewArray(ir.Type{DType: s.dtype, Shape: shape})
	for i := range x.F {
		x.F[i] = float64(rapid.IntRange(4, 50).Draw(s.T, "value"))/20 + 0.02
	}
	return x
}

func (s *source) shape(minRank, maxRank int) ir.Shape {
	return rapid.SliceOfN(rapid.IntRange(1, 3), minRank, maxRank).Draw(s.T, "shape")
}

// part draws a shape that broadcasts to the one given.
func (s *source) part(shape ir.Shape) ir.Shape {
	part := slices.Clone(shape[rapid.IntRange(0, len(shape)).Draw(s.T, "dropped"):])
	for i := range part {
		if rapid.Bool().Draw(s.T, "one") {
			part[i] = 1
		}
	}
	return part
}

func (s *source) dim(shape ir.Shape) int {
	return rapid.IntRange(-len(shape), len(shape)-1).Draw(s.T, "dim")
}

// index draws i32 indices below n.
func (s *source) index(n int, shape ir.Shape) *ir.Array {
	x := ir.NewArray(ir.Type{DType: ir.I32, Shape: shape})
	for i := range x.I {
		x.I[i] = int64(rapid.IntRange(0, n-1).Draw(s.T, "index"))
	}
	return x
}

// samples draw, for every differentiable op, a call of it.
var samples = map[string]func(s *source) sample{
	"pow":            binary("pow(a, b)", true),
	"div":            binary("div(a, b)", true),
	"add":            binary("add(a, b)", false),
	"sub":            binary("sub(a, b)", false),
	"mul":            binary("mul(a, b)", false),
	"maximum":        binary("maximum(a, b)", false),
	"minimum":        binary("minimum(a, b)", false),
	"where":          binary("where(a < b, a * 2, b)", false),
	"remainder":      sampleRemainder,
	"clamp":          unary("clamp(x, -1.0, 2.0)", -3, 3),
	"log":            unary("log(x)", 0.2, 4),
	"log2":           unary("log2(x)", 0.2, 4),
	"log1p":          unary("log1p(x)", -0.8, 4),
	"sqrt":           unary("sqrt(x)", 0.2, 4),
	"rsqrt":          unary("rsqrt(x)", 0.2, 4),
	"reciprocal":     unary("reciprocal(x)", 0.2, 4),
	"tan":            unary("tan(x)", -1, 1),
	"softplus":       unary("softplus(x, beta=2, threshold=3)", -3, 3),
	"elu":            unary("elu(x, alpha=0.7)", -3, 3),
	"leaky_relu":     unary("leaky_relu(x, 0.1)", -3, 3),
	"sum":            reduction("sum"),
	"prod":           reduction("prod"),
	"max":            reduction("max"),
	"type_as":        unary("type_as(x, 1.0)", -3, 3),
	"prod_of_others": along("prod_of_others(x, %d)"),
	"min":            reduction("min"),
	"mean":           reduction("mean"),
	"var":            reduction("var"),
	"std":            sampleStd,
	"logsumexp":      reduction("logsumexp"),
	"softmax":        along("softmax(x, %d)"),
	"log_softmax":    along("log_softmax(x, %d)"),
	"cumsum":         along("cumsum(x, %d)"),
	"flip":           sampleFlip,
	"slice":          sampleSlice,
	"unsqueeze":      along("unsqueeze(x, %d)"),
	"stack":          along("stack([x, x * 2], %d)"),
	"concat":         along("concat([x, exp(x), x], %d)"),
	"flatten":        along("flatten(x, 0, %d)"),
	"squeeze":        unary("squeeze(x)", -2, 2),
	"reshape":        unary("reshape(x, [-1])", -2, 2),
	"pad":            samplePad,
	"tril":           sampleTriangle("tril"),
	"triu":           sampleTriangle("triu"),
	"transpose":      func(s *source) sample { return matrices(s, "transpose(x)") },
	"permute":        samplePermute,
	"broadcast_to":   sampleBroadcast,
	"matmul":         sampleMatmul,
	"cast":           func(s *source) sample { return matrices(s, `cast(x, "f64")`) },
	"gather":         sampleGather,
	"scatter_add":    sampleScatterAdd,
	"index_add":      sampleIndexAdd,
	"embedding":      sampleEmbedding,
	"layer_norm":     sampleNorm("layer_norm(x, w, b, 0.01)"),
	"rms_norm":       sampleNorm("rms_norm(x, w, 0.01)"),
}

func unary(expr string, low, high float64) func(s *source) sample {
	return func(s *source) sample {
		return sample{expr, map[string]*ir.Array{"x": s.tensor(low, high, s.shape(0, 3))}}
	}
}

func binary(expr string, positive bool) func(s *source) sample {
	return func(s *source) sample {
		shape := s.shape(0, 3)
		parts := []ir.Shape{shape, s.part(shape)}
		if rapid.Bool().Draw(s.T, "swap") {
			slices.Reverse(parts)
		}
		if positive {
			return sample{expr, map[string]*ir.Array{"a": s.positive(parts[0]), "b": s.positive(parts[1])}}
		}
		return sample{expr, map[string]*ir.Array{"a": s.tensor(-2, 2, parts[0]), "b": s.tensor(-2, 2, parts[1])}}
	}
}

func reduction(op string) func(s *source) sample {
	return func(s *source) sample {
		shape := s.shape(1, 3)
		dims := rapid.SliceOfNDistinct(rapid.IntRange(0, len(shape)-1), 1, len(shape), rapid.ID).Draw(s.T, "dims")
		expr := fmt.Sprintf("%s(x, %s, keepdim=%v)", op, ir.Shape(dims), rapid.Bool().Draw(s.T, "keepdim"))
		return sample{expr, map[string]*ir.Array{"x": s.tensor(-2, 2, shape)}}
	}
}

// sampleStd keeps away from lines of equal elements, where std has no slope.
func sampleStd(s *source) sample {
	sample := reduction("std")(s)
	sample.expr = strings.Replace(sample.expr, "std(x", "std(concat([x, x * 3 + 5], 0)", 1)
	return sample
}

func along(format string) func(s *source) sample {
	return func(s *source) sample {
		shape := s.shape(1, 3)
		return sample{fmt.Sprintf(format, s.dim(shape)), map[string]*ir.Array{"x": s.tensor(-2, 2, shape)}}
	}
}

func sampleBroadcast(s *source) sample {
	shape := s.shape(0, 3)
	return sample{fmt.Sprintf("broadcast_to(x, %s)", shape), map[string]*ir.Array{"x": s.tensor(-2, 2, s.part(shape))}}
}

func matrices(s *source, expr string) sample {
	return sample{expr, map[string]*ir.Array{"x": s.tensor(-2, 2, s.shape(2, 2))}}
}

// moved draws a shape of what is moved only: it may have no elements.
func (s *source) moved(minRank, maxRank int) ir.Shape {
	return rapid.SliceOfN(rapid.SampledFrom([]int{1, 1, 2, 3, 0}), minRank, maxRank).Draw(s.T, "shape")
}

func (s *source) order(shape ir.Shape) ir.Shape {
	dims := make(ir.Shape, len(shape))
	for i := range dims {
		dims[i] = i
	}
	return rapid.Permutation(dims).Draw(s.T, "order")
}

// sampleSlice draws a dim that is long enough to have slices with a step.
func sampleSlice(s *source) sample {
	shape := s.moved(1, 4)
	dim := rapid.IntRange(0, len(shape)-1).Draw(s.T, "dim")
	shape[dim] = rapid.IntRange(0, 7).Draw(s.T, "size")
	bound := rapid.IntRange(-8, 8)
	return sample{fmt.Sprintf("slice(x, %d, %d, %d, step=%d)", dim, bound.Draw(s.T, "start"), bound.Draw(s.T, "end"),
		rapid.IntRange(1, 4).Draw(s.T, "step")), map[string]*ir.Array{"x": s.tensor(-4, 4, shape)}}
}

func samplePad(s *source) sample {
	shape := s.moved(1, 4)
	var pairs []string
	for range shape {
		border := rapid.IntRange(0, 2)
		pairs = append(pairs, fmt.Sprintf("[%d, %d]", border.Draw(s.T, "before"), border.Draw(s.T, "after")))
	}
	return sample{fmt.Sprintf("pad(x, [%s], 0.5)", strings.Join(pairs, ", ")), map[string]*ir.Array{"x": s.tensor(-4, 4, shape)}}
}

func samplePermute(s *source) sample {
	shape := s.moved(1, 4)
	return sample{fmt.Sprintf("permute(x, %s)", s.order(shape)), map[string]*ir.Array{"x": s.tensor(-4, 4, shape)}}
}

func sampleFlip(s *source) sample {
	shape := s.moved(1, 4)
	dims := s.order(shape)[:rapid.IntRange(1, len(shape)).Draw(s.T, "dims")]
	return sample{fmt.Sprintf("flip(x, %s)", dims), map[string]*ir.Array{"x": s.tensor(-4, 4, shape)}}
}

func sampleTriangle(op string) func(s *source) sample {
	return func(s *source) sample {
		return sample{fmt.Sprintf("%s(x, %d)", op, rapid.IntRange(-4, 4).Draw(s.T, "diagonal")),
			map[string]*ir.Array{"x": s.tensor(-4, 4, s.moved(2, 4))}}
	}
}

// sampleRemainder draws a as b times a whole number and a half: far from where
// the remainder jumps.
func sampleRemainder(s *source) sample {
	shape := s.shape(0, 2)
	a, b := s.positive(shape), s.positive(shape)
	for i := range a.F {
		a.F[i] = b.F[i] * (float64(rapid.IntRange(-3, 3).Draw(s.T, "times")) + 0.5)
	}
	return sample{"a % b", map[string]*ir.Array{"a": a, "b": b}}
}

func sampleMatmul(s *source) sample {
	sizes := s.shape(3, 3)
	m, k, n := sizes[0], sizes[1], sizes[2]
	batch := s.shape(0, 2)
	a, b := append(s.part(batch), m, k), append(s.part(batch), k, n)
	expr := "matmul(a, b"
	for i, flag := range []string{"transpose_a", "transpose_b"} {
		factor := []*ir.Shape{&a, &b}[i]
		r := len(*factor)
		switch rapid.IntRange(0, 2).Draw(s.T, flag) {
		case 1:
			expr += ", " + flag + "=true"
			(*factor)[r-2], (*factor)[r-1] = (*factor)[r-1], (*factor)[r-2]
		case 2:
			*factor = ir.Shape{k}
		}
	}
	return sample{expr + ")", map[string]*ir.Array{"a": s.tensor(-2, 2, a), "b": s.tensor(-2, 2, b)}}
}

func sampleGather(s *source) sample {
	shape := s.shape(1, 3)
	dim := s.dim(shape)
	d := (dim + len(shape)) % len(shape)
	part := s.shape(len(shape), len(shape))
	for i := range part {
		if i != d {
			part[i] = min(part[i], shape[i])
		}
	}
	return sample{fmt.Sprintf("gather(x, %d, i)", dim),
		map[string]*ir.Array{"x": s.tensor(-2, 2, shape), "i": s.index(shape[d], part)}}
}

func sampleScatterAdd(s *source) sample {
	g := sampleGather(s)
	g.expr = strings.Replace(strings.Replace(g.expr, "gather", "scatter_add", 1), "i)", "i, src)", 1)
	g.inputs["src"] = s.tensor(-2, 2, g.inputs["i"].Type.Shape)
	if i := g.inputs["i"]; rapid.Bool().Draw(s.T, "outside") {
		i.I[0] = -1 // dropped
	}
	return g
}

func sampleIndexAdd(s *source) sample {
	shape := s.shape(1, 3)
	dim := rapid.IntRange(0, len(shape)-1).Draw(s.T, "dim")
	from := slices.Clone(shape)
	from[dim] = rapid.IntRange(1, 4).Draw(s.T, "count")
	index := s.index(shape[dim], ir.Shape{from[dim]})
	if rapid.Bool().Draw(s.T, "outside") {
		index.I[0] = int64(shape[dim]) // dropped
	}
	return sample{fmt.Sprintf("index_add(x, %d, i, y)", dim),
		map[string]*ir.Array{"x": s.tensor(-2, 2, shape), "i": index, "y": s.tensor(-2, 2, from)}}
}

func sampleEmbedding(s *source) sample {
	table := s.shape(2, 2)
	return sample{"embedding(i, w)",
		map[string]*ir.Array{"w": s.tensor(-2, 2, table), "i": s.index(table[0], s.shape(0, 2))}}
}

func sampleNorm(expr string) func(s *source) sample {
	return func(s *source) sample {
		shape := s.shape(1, 3)
		features := shape[len(shape)-1:]
		in := map[string]*ir.Array{"x": s.tensor(-2, 2, shape), "w": s.tensor(-2, 2, features)}
		if strings.Contains(expr, "b,") {
			in["b"] = s.tensor(-2, 2, features)
		}
		return sample{expr, in}
	}
}

// moreSamples are calls of ops in ways that have gradients of their own.
var moreSamples = []func(s *source) sample{
	unary("x ** 0", 0.2, 3),
	unary("x ** 1", 0.2, 3),
	unary("x ** 2", -3, 3),
	unary("x ** 3.5", 0.2, 3),
	unary("x ** -1", 0.2, 3),
	unary("2.5 ** x", -2, 2),
	unary("1 / x", 0.2, 3),
	unary("clamp(x, min=0.5)", -3, 3),
	unary("clamp(x, max=0.5)", -3, 3),
	unary("softplus(x)", -3, 3),
	unary("max(x)", -3, 3),
	unary("prod_of_others(x)", -3, 3),
	along("prod_of_others(where(abs(x) < 1, 0.0, x), %d)"),
	along("mean(cast(x > 0, \"f64\") * x, %d)"),
	func(s *source) sample { return matrices(s, "matmul(x, transpose(x))") },
	func(s *source) sample { return matrices(s, "matmul(x, x, transpose_a=true)") },
	func(s *source) sample { return matrices(s, "transpose(unsqueeze(x, 0), 0, 2)") },
}

// sampleOf finds the samples of an op; elementwise ones that are smooth
// everywhere but at 0 need none of their own.
func sampleOf(op *ir.Op) func(s *source) sample {
	if f := samples[op.Name]; f != nil {
		return f
	}
	return unary(op.Name+"(x)", -2, 2)
}

func draw(rt *rapid.T, op *ir.Op, d ir.DType) sample {
	return sampleOf(op)(&source{rt, d, map[int]bool{}})
}
