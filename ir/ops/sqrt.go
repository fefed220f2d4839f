package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
)

// Sqrt is the op sqrt.
var Sqrt = ir.Register(&ir.Op{
	Name: "sqrt",
	Doc: `sqrt(x): the square root, element by element.

It is NaN below 0; its gradient at 0 is infinite. Integers and bools count as f32.

Example: sqrt([0.0, 4.0, 9.0]) = [0.0, 2.0, 3.0]`,
	Params:  paramsUnary,
	Class:   ir.Elementwise,
	Promote: ir.PromoteFloat,
	Infer:   likeOperand,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return nodes{div(b, g, mul(b, n, 2.0))}
	},
	Reference: eachFloat(math.Sqrt),
})
