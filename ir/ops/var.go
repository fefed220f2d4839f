package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Var = ir.Register(kit.Reduction(&ir.Op{
	Name: "var",
	Doc: `The variance of the elements along some dims, or of all.

The squares are divided by the number of elements less correction, which is 0 by default,
as in NumPy; PyTorch's default is 1. Where nothing is left to divide by, it is NaN, or
infinite.`,
	Example: `
x: f32[4] = [1, 3, 5, 7]
var(x): f32[] = 5`,
	Torch:     "torch.var with correction=0 by default",
	Params:    paramsSpread,
	Infer:     inferSpread,
	Grad:      func(b *ir.Builder, n, g *ir.Node) []*ir.Node { return []*ir.Node{gradDeviation(b, n, g)} },
	Reference: spreadOfRows(func(v float64) float64 { return v }),
	Sample:    sampleSpread(1),
	Decompose: func(b *ir.Builder, n *ir.Node) *ir.Node {
		return b.Cast(varianceNodes(b, n), n.Type.DType)
	},
}))

func inferSpread(n *ir.Node) (ir.Type, error) {
	d := n.Inputs[0].Type.DType
	if !d.IsFloat() {
		return ir.Type{}, kit.Refuse("x", "cast it first: "+n.Op.Name+`(cast(x, "f32"))`,
			"%s requires floats; %s", n.Op.Name, kit.Named(n, 0))
	}
	return kit.ReducedTo(n, d)
}

var paramsSpread = append(kit.ParamsReduce[:3:3], kit.IntegerOr("correction", 0, "what is subtracted from the number of elements"))

// spreadOfRows is a function of the variance of rows.
func spreadOfRows(f func(float64) float64) kit.ReferenceFunc {
	return func(n *ir.Node, in []*ir.Array) *ir.Array {
		return kit.EachRow(func(v []float64) float64 { return f(variance(v, degrees(n))) }, nil)(n, in)
	}
}

func variance(v []float64, degrees float64) float64 {
	m, s := average(v), 0.0
	for _, x := range v {
		s += (x - m) * (x - m)
	}
	return s / degrees
}

// degrees is what a variance's squares are divided by.
func degrees(n *ir.Node) float64 { return float64(max(0, kit.ReducedCount(n)-n.Int("correction"))) }

// sampleSpread draws calls with rows of at least so many elements.
func sampleSpread(least int) func(s ir.Sampler) []any {
	return func(s ir.Sampler) []any {
		shape := s.Shape(1)
		dims := s.Dims(shape, 1)
		for _, d := range dims {
			shape[d] = max(shape[d], least)
		}
		return []any{s.Rows(shape), dims, s.Int(0, 1) == 1, s.Int(0, 1)}
	}
}

// varianceNodes is the variance of n's operand as nodes that all have kernels,
// in f32 for f16 and bf16.
func varianceNodes(b *ir.Builder, n *ir.Node) *ir.Node {
	x, dims := b.Wide(n.Inputs[0]), n.Ints("dim")
	deviation := b.Sub(x, averageNodes(b, x, dims, true))
	return b.Div(b.Op("sum", b.Square(deviation), dims, n.Bool("keepdim")), degrees(n))
}

// gradDeviation is the gradient of the variance of n's operand, given that of
// the variance: twice the deviation from the mean, over what the squares are divided by.
func gradDeviation(b *ir.Builder, n, g *ir.Node) *ir.Node {
	x := n.Inputs[0]
	deviation := b.Sub(x, b.Mean(x, n.Ints("dim")))
	scale := b.Mul(kit.Unreduced(b, n, g), 2/degrees(n))
	return b.Mul(deviation, scale)
}
