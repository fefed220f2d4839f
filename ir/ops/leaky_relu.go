package ops

import "github.com/flowrun/flowrun/ir"

// LeakyRelu is the op leaky_relu.
var LeakyRelu = ir.Register(&ir.Op{
	Name: "leaky_relu",
	Doc: `leaky_relu(x, negative_slope=0.01): x where it is positive, else negative_slope * x, element by element.

Integers and bools count as f32. The gradient at 0 is the slope.

Example: leaky_relu([-2.0, 2.0]) = [-0.02, 2.0]`,
	Params:  []ir.Param{paramX, floatOr("negative_slope", 0.01, "the slope below 0")},
	Class:   ir.Elementwise,
	Promote: ir.PromoteFloat,
	Infer:   likeOperand,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return nodes{where(b, gt(b, n.Inputs[0], 0.0), g, mul(b, g, n.Float("negative_slope")))}
	},
	Reference: func(n *ir.Node, in []*ir.Array) *ir.Array {
		return eachFloat(func(v float64) float64 {
			if v > 0 {
				return v
			}
			return n.Float("negative_slope") * v
		})(n, in)
	},
})
