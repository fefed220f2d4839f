package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
)

// Expm1 is the op expm1.
var Expm1 = ir.Register(&ir.Op{
	Name: "expm1",
	Doc: `expm1(x): exp(x) - 1, element by element, exact to the last digits near 0 too.

Integers and bools count as f32.

Example: expm1([0.0, 1.0]) = [0.0, 1.7182818]`,
	Params:  paramsUnary,
	Class:   ir.Elementwise,
	Promote: ir.PromoteFloat,
	Infer:   likeOperand,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return nodes{mul(b, g, exp(b, n.Inputs[0]))}
	},
	Reference: eachFloat(math.Expm1),
})
