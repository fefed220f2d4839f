package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
)

// Tan is the op tan.
var Tan = ir.Register(&ir.Op{
	Name: "tan",
	Doc: `tan(x): the tangent of x in radians, element by element.

Integers and bools count as f32.

Example: tan([0.0, 1.0]) = [0.0, 1.5574077]`,
	Params:  paramsUnary,
	Class:   ir.Elementwise,
	Promote: ir.PromoteFloat,
	Infer:   likeOperand,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return nodes{mul(b, g, add(b, square(b, n), 1.0))}
	},
	Reference: eachFloat(math.Tan),
})
