package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Xlogy = ir.Register(&ir.Op{
	Name:   "xlogy",
	Family: ir.Functions,
	Doc: `x * log(y), element by element, and 0 where x is 0.

x and y are broadcast against each other. Where y is NaN, so is the result. Where x and y
are 0, x has no gradient.`,
	Example: `
x: f32[3] = [0, 2, 1]
y: f32[3] = [0, 1, 0.5]
xlogy(x, y): f32[3] = [0, 0, -0.6931472]`,
	Torch:   "torch.special.xlogy",
	Params:  []ir.Param{kit.Tensor("x", "the factor"), kit.Tensor("y", "what the logarithm is taken of")},
	Class:   ir.Elementwise,
	Promote: ir.PromoteFloat,
	Infer:   kit.Meet,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		x, y := n.Inputs[0], n.Inputs[1]
		none := b.And(b.Eq(x, 0.0), b.Le(y, 0.0))
		slope := b.Where(none, 0.0, b.Log(b.Where(none, 1.0, y)))
		return []*ir.Node{b.SumTo(b.Mul(g, slope), x), b.SumTo(b.Mul(g, b.Div(x, y)), y)}
	},
	Reference: kit.EachPair(func(x, y float64) float64 {
		if x == 0 && y == y {
			return 0
		}
		return x * math.Log(y)
	}, nil),
	Decompose: func(b *ir.Builder, n *ir.Node) *ir.Node {
		x, y := b.Wide(n.Inputs[0]), b.Wide(n.Inputs[1])
		zero := b.And(b.Eq(x, 0.0), b.Eq(y, y))
		return b.Cast(b.Where(zero, 0.0, b.Mul(x, b.Log(y))), n.Type.DType)
	},
	Smooth: [2]float64{0.2, 3},
})
