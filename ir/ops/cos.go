package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
)

// Cos is the op cos.
var Cos = ir.Register(&ir.Op{
	Name: "cos",
	Doc: `cos(x): the cosine of x in radians, element by element.

Integers and bools count as f32.

Example: cos([0.0, 1.0]) = [1.0, 0.54030231]`,
	Params:  paramsUnary,
	Class:   ir.Elementwise,
	Promote: ir.PromoteFloat,
	Infer:   likeOperand,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return nodes{neg(b, mul(b, g, sin(b, n.Inputs[0])))}
	},
	Reference: eachFloat(math.Cos),
})
