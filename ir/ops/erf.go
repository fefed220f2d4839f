package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
)

// Erf is the op erf.
var Erf = ir.Register(&ir.Op{
	Name: "erf",
	Doc: `erf(x): the error function, element by element.

Integers and bools count as f32.

Example: erf([0.0, 1.0]) = [0.0, 0.84270079]`,
	Params:  paramsUnary,
	Class:   ir.Elementwise,
	Promote: ir.PromoteFloat,
	Infer:   likeOperand,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		slope := exp(b, neg(b, square(b, n.Inputs[0])))
		return nodes{mul(b, g, mul(b, slope, 2/math.Sqrt(math.Pi)))}
	},
	Reference: eachFloat(math.Erf),
})
