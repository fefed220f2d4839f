package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Div = ir.Register(&ir.Op{
	Name:     "div",
	Operator: "/",
	Family:   ir.Arithmetic,
	Doc: `The quotient a / b, element by element.

a and b are broadcast against each other. Integers are divided as f32;
floor_divide gives integers.`,
	Example: `
a: i32[2] = [1, 3]
div(a, 2): f32[2] = [0.5, 1.5]`,
	Aliases: "divide true_divide",
	Params:  kit.ParamsBinary,
	Class:   ir.Elementwise,
	Promote: ir.PromoteFloat,
	Exact:   true,
	ULPs:    2.5,
	Infer:   kit.Meet,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		x, y := n.Inputs[0], n.Inputs[1]
		dx := b.Div(g, y)
		return []*ir.Node{b.SumTo(dx, x), b.SumTo(b.Neg(b.Mul(dx, n)), y)}
	},
	Reference: kit.EachPair(func(a, b float64) float64 { return a / b }, nil),
	Smooth:    [2]float64{0.2, 2.5},
})
