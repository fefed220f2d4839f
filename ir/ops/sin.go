package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
)

// Sin is the op sin.
var Sin = ir.Register(&ir.Op{
	Name: "sin",
	Doc: `sin(x): the sine of x in radians, element by element.

Integers and bools count as f32.

Example: sin([0.0, 1.0]) = [0.0, 0.84147098]`,
	Params:  paramsUnary,
	Class:   ir.Elementwise,
	Promote: ir.PromoteFloat,
	Infer:   likeOperand,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return nodes{mul(b, g, cos(b, n.Inputs[0]))}
	},
	Reference: eachFloat(math.Sin),
})
