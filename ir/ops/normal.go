package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Normal = ir.Register(&ir.Op{
	Name:   "normal",
	Family: ir.Randomness,
	Doc: `Random numbers of a normal distribution.

They are redrawn at each step, and depend on the seed, the step and the node's
name only. They are within 5.8 standard deviations. f16 and bf16 are drawn in f32 and
rounded.`,
	Example: `
normal(0.0, 1.0, [2]): f32[2] = [-0.39325377, 0.27544746]`,
	Params: kit.ParamsRandom(ir.F32,
		kit.FloatOr("mean", 0, "the mean of the distribution"),
		kit.FloatOr("std", 1, "its standard deviation")),
	Class:  ir.Leaf,
	Random: true,
	Infer: func(n *ir.Node) (ir.Type, error) {
		t, err := kit.InferRandomFloat(n)
		if std := n.Float("std"); err == nil && !(std >= 0) {
			return t, ir.Argf("std", "std must be at least 0, got %v", std)
		}
		return t, err
	},
	Reference: func(n *ir.Node, in []*ir.Array) *ir.Array {
		out, d := ir.NewArray(n.Type), kit.DrawsOf(n, in)
		mean, std := n.Float("mean"), n.Float("std")
		for i := 0; i < len(out.F); i += 2 {
			even, odd := d.NormalPair(i)
			out.F[i] = mean + std*even
			if i+1 < len(out.F) {
				out.F[i+1] = mean + std*odd
			}
		}
		return out
	},
	Slack: func(c ir.Computed) ir.Slack {
		// mean + std · (r · cos θ): three roundings in f32, of magnitudes of at most 6
		// standard deviations.
		mean, std := math.Abs(c.Node.Float("mean")), 6*c.Node.Float("std")
		slack := 3 * c.Unit * (mean + std)
		if c.FromSource {
			// r: a logarithm of 3 units, halved, and a root of 3; the cosine 4 units.
			slack += c.Unit * (3 + 6 + 8 + 2) * std
		}
		return kit.Constant(slack)
	},
	Sample: func(s ir.Sampler) []any { return []any{0.5, 2.0, []int(s.Shape(0)), s.DType()} },
})
