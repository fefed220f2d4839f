package ops

import (
	"math"
	"slices"

	"github.com/flowrun/flowrun/ir"
)

// LogSoftmax is the op log_softmax.
var LogSoftmax = ir.Register(&ir.Op{
	Name: "log_softmax",
	Doc: `log_softmax(x, dim): the logarithm of softmax along a dim, exact where softmax rounds to 0.

Integers and bools count as f32.

Example: log_softmax([0.0, 1000.0], 0) = [-1000.0, 0.0]`,
	Params:  paramsAlong,
	Class:   ir.Reduce,
	Promote: ir.PromoteFloat,
	Infer:   inferAlong,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return nodes{sub(b, g, mul(b, exp(b, n), sum(b, g, []int{n.Int("dim")})))}
	},
	Reference: alongRow(func(out, v []float64) {
		top := slices.Max(v)
		s := math.Log(sumExp(v, top))
		for i, x := range v {
			out[i] = x - top - s
		}
	}, nil),
})
