package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
)

// Exp2 is the op exp2.
var Exp2 = ir.Register(&ir.Op{
	Name: "exp2",
	Doc: `exp2(x): 2 to the power x, element by element.

Integers and bools count as f32.

Example: exp2([0.0, 3.0, -1.0]) = [1.0, 8.0, 0.5]`,
	Params:  paramsUnary,
	Class:   ir.Elementwise,
	Promote: ir.PromoteFloat,
	Infer:   likeOperand,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return nodes{mul(b, g, mul(b, n, math.Ln2))}
	},
	Reference: eachFloat(math.Exp2),
})
