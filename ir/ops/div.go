package ops

import "github.com/flowrun/flowrun/ir"

// Div is the op div.
var Div = ir.Register(&ir.Op{
	Name: "div",
	Doc: `div(a, b): the quotient a / b, element by element.

a and b are numbers, broadcast. Integers are divided as f32; floor_divide stays
with integers.

Example: div([1, 3], 2) = [0.5, 1.5]`,
	Params:  paramsBinary,
	Class:   ir.Elementwise,
	Promote: ir.PromoteFloat,
	Infer:   meet,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		x, y := n.Inputs[0], n.Inputs[1]
		dx := div(b, g, y)
		return nodes{sumTo(b, dx, x), sumTo(b, neg(b, mul(b, dx, n)), y)}
	},
	Reference: eachPair(func(a, b float64) float64 { return a / b }, nil),
})
