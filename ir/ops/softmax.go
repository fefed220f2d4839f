package ops

import (
	"math"
	"slices"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Softmax is the op softmax.
var Softmax = ir.Register(&ir.Op{
	Name: "softmax",
	Doc: `softmax(x, dim): exp(x) / sum(exp(x)) along a dim, without overflow.

Integers and bools count as f32. A row that is all -inf, or has inf or NaN in it,
becomes NaN.

Example: softmax([[0.0, 0.0], [1000.0, 0.0]], dim=1) = [[0.5, 0.5], [1.0, 0.0]]`,
	Params:  kit.ParamsAlong,
	Class:   ir.Reduce,
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
})
