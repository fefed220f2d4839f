package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Elu = ir.Register(&ir.Op{
	Name:   "elu",
	Family: ir.Activations,
	Doc:    `x where it is positive, and alpha * (exp(x) - 1) elsewhere.`,
	Example: `
x: f32[2] = [-1, 2]
elu(x): f32[2] = [-0.63212055, 2]`,
	Torch:   "torch.nn.functional.elu",
	Aliases: "ELU",
	Params:  []ir.Param{kit.ParamX, kit.FloatOr("alpha", 1, "how far the result goes below 0: it approaches -alpha")},
	Class:   ir.Elementwise,
	Promote: ir.PromoteFloat,
	ULPs:    4, // expm1 3, and a product
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
	Slack:  kit.ReferenceSlack,
	Sample: kit.SampleUnary(0.3),
})
