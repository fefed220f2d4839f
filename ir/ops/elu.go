package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Elu is the op elu.
var Elu = ir.Register(&ir.Op{
	Name: "elu",
	Doc: `elu(x, alpha=1.0): x where it is positive, else alpha * (exp(x) - 1), element by element.

Integers and bools count as f32.

Example: elu([-1.0, 2.0]) = [-0.63212056, 2.0]`,
	Params:  []ir.Param{kit.ParamX, kit.FloatOr("alpha", 1, "the negative of the limit at -inf")},
	Class:   ir.Elementwise,
	Promote: ir.PromoteFloat,
	Infer:   kit.LikeOperand,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		// The value plus alpha would be the same slope, with no digits left far below 0.
		x := n.Inputs[0]
		slope := b.Mul(b.Exp(b.Op("minimum", x, 0.0)), n.Float("alpha"))
		return []*ir.Node{b.Where(b.Le(x, 0.0), b.Mul(g, slope), g)}
	},
	Reference: func(n *ir.Node, in []*ir.Array) *ir.Array {
		return kit.EachFloat(func(v float64) float64 {
			if v <= 0 {
				return n.Float("alpha") * math.Expm1(v)
			}
			return v
		})(n, in)
	},
})
