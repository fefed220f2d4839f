package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
)

// Exp is the op exp.
var Exp = ir.Register(&ir.Op{
	Name: "exp",
	Doc: `exp(x): e to the power x, element by element.

Integers and bools count as f32.

Example: exp([0.0, 1.0]) = [1.0, 2.7182818]`,
	Params:  paramsUnary,
	Class:   ir.Elementwise,
	Promote: ir.PromoteFloat,
	Infer:   likeOperand,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return nodes{mul(b, g, n)}
	},
	Reference: eachFloat(math.Exp),
})
