package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var LeakyRelu = ir.Register(&ir.Op{
	Name:   "leaky_relu",
	Family: ir.Activations,
	Doc: `x where it is positive, and negative_slope * x elsewhere.

The gradient at 0 is negative_slope.`,
	Example: `
x: f32[2] = [-2, 2]
leaky_relu(x): f32[2] = [-0.02, 2]`,
	Torch:   "torch.nn.functional.leaky_relu",
	Aliases: "LeakyReLU",
	Params:  []ir.Param{kit.ParamX, kit.FloatOr("negative_slope", 0.01, "the slope below 0")},
	Class:   ir.Elementwise,
	Promote: ir.PromoteFloat,
	ULPs:    1, // a product
	Infer:   kit.LikeOperand,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return []*ir.Node{b.Where(b.Gt(n.Inputs[0], 0.0), g, b.Mul(g, n.Float("negative_slope")))}
	},
	Reference: func(n *ir.Node, in []*ir.Array) *ir.Array {
		return kit.EachFloat(func(v float64) float64 {
			if v > 0 {
				return v
			}
			return n.Float("negative_slope") * v
		})(n, in)
	},
	Sample: kit.SampleUnary(0.3),
})
