package ops

import "github.com/flowrun/flowrun/ir"

// Silu is the op silu.
var Silu = ir.Register(&ir.Op{
	Name: "silu",
	Doc: `silu(x): x * sigmoid(x), element by element; also called swish.

Integers and bools count as f32.

Example: silu([0.0, 1.0]) = [0.0, 0.73105858]`,
	Params:  paramsUnary,
	Class:   ir.Elementwise,
	Promote: ir.PromoteFloat,
	Infer:   likeOperand,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		s := sigmoid(b, n.Inputs[0])
		return nodes{mul(b, g, add(b, s, mul(b, n, sub(b, 1.0, s))))}
	},
	Reference: eachFloat(func(v float64) float64 { return v * logistic(v) }),
})
