package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// RmsNorm is the op rms_norm.
var RmsNorm = ir.Register(&ir.Op{
	Name: "rms_norm",
	Doc: `rms_norm(x, weight, eps=1e-6): x / sqrt(mean(x * x) + eps) * weight over the last dim.

x is [..., features], floating; weight is [features]. f16 and bf16 are computed in
f32.

Example: rms_norm([[3.0, 4.0]], [1.0, 2.0]) = [[0.84852812, 2.26274166]]`,
	Params: []ir.Param{
		kit.Tensor("x", "floats: [..., features]"),
		kit.Tensor("weight", "the scale of each feature: [features]"),
		kit.FloatOr("eps", 1e-6, "what is added to the mean of the squares"),
	},
	Class:   ir.Reduce,
	Promote: ir.PromoteAll,
	Infer:   inferNorm,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		x, weight := n.Inputs[0], n.Inputs[1]
		last := []int{len(x.Type.Shape) - 1}
		scale := b.Rsqrt(b.Add(b.Mean(b.Square(x), last), n.Float("eps")))
		unit := b.Mul(x, scale)
		h := b.Mul(g, weight)
		dx := b.Sub(h, b.Mul(unit, b.Mean(b.Mul(h, unit), last)))
		return []*ir.Node{b.Mul(dx, scale), b.SumTo(b.Mul(g, unit), weight)}
	},
	Reference: referenceNorm(func(n *ir.Node, row []float64) (center, scale float64) {
		squares := 0.0
		for _, v := range row {
			squares += v * v
		}
		return 0, 1 / math.Sqrt(squares/float64(len(row))+n.Float("eps"))
	}),
})
