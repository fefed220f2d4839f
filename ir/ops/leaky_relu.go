package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// LeakyRelu is the op leaky_relu.
var LeakyRelu = ir.Register(&ir.Op{
	Name: "leaky_relu",
	Doc: `leaky_relu(x, negative_slope=0.01): x where it is positive, else negative_slope * x, element by element.

Integers and bools count as f32. The gradient at 0 is the slope.

Example: leaky_relu([-2.0, 2.0]) = [-0.02, 2.0]`,
	Params:  []ir.Param{kit.ParamX, kit.FloatOr("negative_slope", 0.01, "the slope below 0")},
	Class:   ir.Elementwise,
	Promote: ir.PromoteFloat,
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
})
