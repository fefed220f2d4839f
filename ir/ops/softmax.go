package ops

import (
	"math"
	"slices"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Softmax = ir.Register(&ir.Op{
	Name:   "softmax",
	Family: ir.Normalization,
	Doc: `exp(x) / sum(exp(x)) along a dim, without overflow.

A row that is all -inf, or contains inf or NaN, becomes NaN.`,
	Example: `
x: f32[2, 2] = [[0, 0], [1000, 0]]
softmax(x, dim=1): f32[2, 2] = [[0.5, 0.5], [1, 0]]`,
	Aliases: "Softmax",
	Params:  kit.ParamsAlong,
	Class:   ir.Reduce,
	Flops:   5, // maximum, difference, exp, sum, quotient
	Promote: ir.PromoteFloat,
	Infer:   kit.InferAlong,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		weighted := b.Mul(g, n)
		return []*ir.Node{b.Sub(weighted, b.Mul(n, b.Sum(weighted, []int{n.Int("dim")})))}
	},
	Reference: kit.AlongRow(func(out, v []float64) {
		top := slices.Max(v)
		s := sumExp(v, top)
		for i, x := range v {
			out[i] = math.Exp(x-top) / s
		}
	}, nil),
	Slack: func(c ir.Computed) ir.Slack {
		// An exponent off by U64·|x|, of x within ±10, makes the exponential as much
		// wrong; and it is rounded to the dtype before it is divided by the sum.
		slack := 8 * kit.U64 * 10
		switch c.Node.Type.DType {
		case ir.F64:
			slack -= 4 * kit.U64
		case ir.F32:
			slack += 0x1p-23
		case ir.F16:
			slack += 0x1p-10
		case ir.BF16:
			slack += 0x1p-7
		}
		if c.FromSource {
			// The exponential twice, each with its argument's rounding; the sum; the
			// division and the product.
			slack += c.Unit * (2*(6+8) + c.Terms + 5 + 1)
		}
		return kit.Relative(c, slack)
	},
	Sample: kit.SampleAlong,
})
