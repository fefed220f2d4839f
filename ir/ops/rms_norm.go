package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var RmsNorm = ir.Register(&ir.Op{
	Name:   "rms_norm",
	Family: ir.Normalization,
	Doc: `x scaled along its last dim: x / sqrt(mean(x * x) + eps) * weight.

x is [..., features]; weight is [features]. The module RMSNorm brings its own
weight.`,
	Example: `
x: f32[1, 2] = [[3, 4]]
weight: f32[2] = [1, 2]
rms_norm(x, weight): f32[1, 2] = [[0.8485281, 2.2627416]]`,
	Torch: "torch.nn.functional.rms_norm",
	Params: []ir.Param{
		kit.Tensor("x", "floats: [..., features]"),
		kit.Tensor("weight", "the scale of each feature: [features]"),
		kit.FloatOr("eps", 1e-6, "added to the mean of the squares"),
	},
	Class:   ir.Reduce,
	Flops:   4, // square, sum, two for scale and weight
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
	Slack: func(c ir.Computed) ir.Slack {
		slack := 8 * kit.U64 * float64(c.In[0].Len())
		if c.FromSource {
			// Half of the error of the sum of squares; root, division, two products.
			slack += c.Unit * (c.Terms + 6 + 5 + 2)
		}
		return kit.Relative(c, slack)
	},
	Sample: kit.SampleNorm(1),
})
