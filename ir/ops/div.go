package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Div is the op div.
var Div = ir.Register(&ir.Op{
	Name:     "div",
	Operator: "/",
	Doc: `div(a, b): the quotient a / b, element by element.

a and b are numbers, broadcast. Integers are divided as f32; floor_divide stays
with integers.

Example: div([1, 3], 2) = [0.5, 1.5]`,
	Params:  kit.ParamsBinary,
	Class:   ir.Elementwise,
	Promote: ir.PromoteFloat,
	Exact:   true,
	Infer:   kit.Meet,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		x, y := n.Inputs[0], n.Inputs[1]
		dx := b.Div(g, y)
		return []*ir.Node{b.SumTo(dx, x), b.SumTo(b.Neg(b.Mul(dx, n)), y)}
	},
	Reference: kit.EachPair(func(a, b float64) float64 { return a / b }, nil),
})
