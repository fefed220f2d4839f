package ops

import "github.com/flowrun/flowrun/ir"

// Square is the op square.
var Square = ir.Register(&ir.Op{
	Name: "square",
	Doc: `square(x): x * x, element by element.

Integers wrap around.

Example: square([1, -2, 3]) = [1, 4, 9]`,
	Params: paramsUnary,
	Class:  ir.Elementwise,
	Infer:  likeNumber,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return nodes{mul(b, g, mul(b, n.Inputs[0], 2.0))}
	},
	Reference: eachNumber(func(v float64) float64 { return v * v }, func(v int64) int64 { return v * v }),
})
