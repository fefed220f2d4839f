package ops

import "github.com/flowrun/flowrun/ir"

// Reciprocal is the op reciprocal.
var Reciprocal = ir.Register(&ir.Op{
	Name: "reciprocal",
	Doc: `reciprocal(x): 1 / x, element by element.

Integers and bools count as f32.

Example: reciprocal([2.0, -4.0]) = [0.5, -0.25]`,
	Params:  paramsUnary,
	Class:   ir.Elementwise,
	Promote: ir.PromoteFloat,
	Infer:   likeOperand,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return nodes{neg(b, mul(b, g, square(b, n)))}
	},
	Reference: eachFloat(func(v float64) float64 { return 1 / v }),
})
