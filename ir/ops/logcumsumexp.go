package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Logcumsumexp = ir.Register(&ir.Op{
	Name:   "logcumsumexp",
	Family: ir.Reductions,
	Doc:    `log(cumsum(exp(x))) along a dim, without overflow.`,
	Example: `
x: f32[3] = [0, 0, 1000]
logcumsumexp(x, 0): f32[3] = [0, 0.6931472, 1000]`,
	Params:  kit.ParamsAlong,
	Class:   ir.Reduce,
	Flops:   4, // difference, exp, log1p, sum
	Promote: ir.PromoteFloat,
	Infer:   kit.InferAlong,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		// x[i] is in all sums from i on; of sum k it is exp(x[i] - n[k]), which goes
		// from one to the next by exp(n[k] - n[k+1]). No exponent is above 0. A sum of
		// nothing but -inf has no slope.
		dim, x := n.Int("dim"), n.Inputs[0]
		exp := func(low, high *ir.Node) *ir.Node {
			none := b.Eq(high, math.Inf(-1))
			return b.Exp(b.Where(none, math.Inf(-1), b.Sub(low, b.Where(none, 0.0, high))))
		}
		toNext := exp(n, shiftAlong(b, n, dim, -1, math.Inf(1)))
		return []*ir.Node{b.Mul(exp(x, n), recurrence(b, toNext, g, dim))}
	},
	Reference: kit.AlongRow(func(out, v []float64) {
		sum := math.Inf(-1)
		for i, x := range v {
			sum = logAddExp(sum, x)
			out[i] = sum
		}
	}, nil),
	Slack: func(c ir.Computed) ir.Slack {
		// Each sum of two rounds a difference, an exponential, a logarithm below 0.7 and
		// the result, which is at most the largest element and the logarithm of their
		// number. The reference sums one after the other, as the kernel in Go may.
		n := float64(c.In[0].Len())
		size := 3 + kit.MaxAbs(c.In[0]) + math.Log1p(n)
		slack := 1e-9 + 4*kit.U64*n*size
		if c.Node.Type.DType == ir.F64 {
			slack = 8 * kit.U64 * n * size
		}
		if c.FromSource {
			slack += c.Unit * (8 + c.Terms*8) * size
		}
		return kit.Constant(slack)
	},
	Sample: kit.SampleAlong,
})
