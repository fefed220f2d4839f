package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Normal is the op normal.
var Normal = ir.Register(&ir.Op{
	Name: "normal",
	Doc: `normal(mean=0.0, std=1.0, shape, dtype="f32"): random numbers of a normal distribution.

They are drawn anew at every step, and lie within 5.8 standard deviations. f16 and
bf16 are drawn in f32 and rounded.

Example: normal(0.0, 1.0, [2], step=0, key=0) = [0.99113748, -0.92466278]`,
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
})
