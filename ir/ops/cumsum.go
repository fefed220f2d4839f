package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Cumsum = ir.Register(&ir.Op{
	Name:   "cumsum",
	Family: ir.Reductions,
	Doc: `The sum of all elements up to and including each one, along a dim.

The result has x's dtype; integers wrap around. PyTorch's sums of i32 are i64.`,
	Example: `
x: f32[3] = [1, 2, 3]
cumsum(x, 0): f32[3] = [1, 3, 6]`,
	Params: kit.ParamsAlong,
	Class:  ir.Reduce,
	Infer:  inferRunning,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		dim := n.Int("dim")
		return []*ir.Node{flip(b, b.Op("cumsum", flip(b, g, dim), dim), dim)}
	},
	Reference: kit.AlongRow(runningSum[float64], runningSum[int64]),
	Slack: func(c ir.Computed) ir.Slack {
		size, u := kit.Magnitudes(c), kit.U64*float64(c.In[0].Len())
		if c.FromSource {
			u += c.Unit * float64(c.In[0].Len())
		}
		return func(i int) float64 { return u * size[i] }
	},
	Sample: kit.SampleAlong,
})

func runningSum[T int64 | float64](out, v []T) {
	var s T
	for i, x := range v {
		s += x
		out[i] = s
	}
}
