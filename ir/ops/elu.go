package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
)

// Elu is the op elu.
var Elu = ir.Register(&ir.Op{
	Name: "elu",
	Doc: `elu(x, alpha=1.0): x where it is positive, else alpha * (exp(x) - 1), element by element.

Integers and bools count as f32.

Example: elu([-1.0, 2.0]) = [-0.63212056, 2.0]`,
	Params:  []ir.Param{paramX, floatOr("alpha", 1, "the negative of the limit at -inf")},
	Class:   ir.Elementwise,
	Promote: ir.PromoteFloat,
	Infer:   likeOperand,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		// The value plus alpha would be the same slope, with no digits left far below 0.
		x := n.Inputs[0]
		slope := mul(b, exp(b, apply(b, "minimum", x, 0.0)), n.Float("alpha"))
		return nodes{where(b, le(b, x, 0.0), mul(b, g, slope), g)}
	},
	Reference: func(n *ir.Node, in []*ir.Array) *ir.Array {
		return eachFloat(func(v float64) float64 {
			if v <= 0 {
				return n.Float("alpha") * math.Expm1(v)
			}
			return v
		})(n, in)
	},
})
