package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
)

// Tanh is the op tanh.
var Tanh = ir.Register(&ir.Op{
	Name: "tanh",
	Doc: `tanh(x): the hyperbolic tangent, element by element.

Integers and bools count as f32.

Example: tanh([0.0, 1.0]) = [0.0, 0.76159416]`,
	Params:  paramsUnary,
	Class:   ir.Elementwise,
	Promote: ir.PromoteFloat,
	Infer:   likeOperand,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return nodes{mul(b, g, sub(b, 1.0, square(b, n)))}
	},
	Reference: eachFloat(math.Tanh),
})
