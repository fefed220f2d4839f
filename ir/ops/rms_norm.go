package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
)

// RmsNorm is the op rms_norm.
var RmsNorm = ir.Register(&ir.Op{
	Name: "rms_norm",
	Doc: `rms_norm(x, weight, eps=1e-6): x / sqrt(mean(x * x) + eps) * weight over the last dim.

x is [..., features], floating; weight is [features]. f16 and bf16 are computed in
f32.

Example: rms_norm([[3.0, 4.0]], [1.0, 2.0]) = [[0.84852812, 2.26274166]]`,
	Params: []ir.Param{
		tensor("x", "floats: [..., features]"),
		tensor("weight", "the scale of each feature: [features]"),
		floatOr("eps", 1e-6, "what is added to the mean of the squares"),
	},
	Class:   ir.Reduce,
	Promote: ir.PromoteAll,
	Infer:   inferNorm,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		x, weight := n.Inputs[0], n.Inputs[1]
		last := []int{len(x.Type.Shape) - 1}
		scale := rsqrt(b, add(b, mean(b, square(b, x), last), n.Float("eps")))
		unit := mul(b, x, scale)
		h := mul(b, g, weight)
		dx := sub(b, h, mul(b, unit, mean(b, mul(b, h, unit), last)))
		return nodes{mul(b, dx, scale), sumTo(b, mul(b, g, unit), weight)}
	},
	Reference: referenceNorm(func(n *ir.Node, row []float64) (center, scale float64) {
		squares := 0.0
		for _, v := range row {
			squares += v * v
		}
		return 0, 1 / math.Sqrt(squares/float64(len(row))+n.Float("eps"))
	}),
})
