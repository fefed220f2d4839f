package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
)

// Log is the op log.
var Log = ir.Register(&ir.Op{
	Name: "log",
	Doc: `log(x): the natural logarithm, element by element.

It is -inf at 0 and NaN below. Integers and bools count as f32.

Example: log([1.0, 2.0]) = [0.0, 0.69314718]`,
	Params:  paramsUnary,
	Class:   ir.Elementwise,
	Promote: ir.PromoteFloat,
	Infer:   likeOperand,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return nodes{div(b, g, n.Inputs[0])}
	},
	Reference: eachFloat(math.Log),
})
