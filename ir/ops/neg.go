package ops

import "github.com/flowrun/flowrun/ir"

// Neg is the op neg.
var Neg = ir.Register(&ir.Op{
	Name: "neg",
	Doc: `neg(x): -x, element by element.

Example: neg([1, -2]) = [-1, 2]`,
	Params: paramsUnary,
	Class:  ir.Elementwise,
	Infer:  likeNumber,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return nodes{neg(b, g)}
	},
	Reference: eachNumber(func(v float64) float64 { return -v }, func(v int64) int64 { return -v }),
})
