package ops

import (
	"math"
	"slices"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var LogSoftmax = ir.Register(&ir.Op{
	Name:   "log_softmax",
	Family: ir.Normalization,
	Doc: `The logarithm of softmax along a dim.

It is exact where softmax itself would round to 0.`,
	Example: `
x: f32[2] = [0, 1000]
log_softmax(x, 0): f32[2] = [-1000, 0]`,
	Aliases: "LogSoftmax",
	Params:  kit.ParamsAlong,
	Class:   ir.Reduce,
	Flops:   5, // maximum, difference, exp, sum, difference
	Promote: ir.PromoteFloat,
	Infer:   kit.InferAlong,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return []*ir.Node{b.Sub(g, b.Mul(b.Exp(n), b.Sum(g, []int{n.Int("dim")})))}
	},
	Reference: kit.AlongRow(func(out, v []float64) {
		top := slices.Max(v)
		s := math.Log(sumExp(v, top))
		for i, x := range v {
			out[i] = x - top - s
		}
	}, nil),
	Slack:  slackOfLogarithm,
	Sample: kit.SampleAlong,
})
