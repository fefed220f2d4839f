package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Cumsum is the op cumsum.
var Cumsum = ir.Register(&ir.Op{
	Name: "cumsum",
	Doc: `cumsum(x, dim): the sum of all elements up to and including each one, along a dim.

It has x's dtype; integers wrap around. f16 and bf16 are added up in f32.

Example: cumsum([[1.0, 2.0, 3.0]], 1) = [[1.0, 3.0, 6.0]]`,
	Params: kit.ParamsAlong,
	Class:  ir.Reduce,
	Infer: func(n *ir.Node) (ir.Type, error) {
		if err := kit.RefuseBool(n, 0); err != nil {
			return ir.Type{}, err
		}
		return kit.InferAlong(n)
	},
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		dim := n.Int("dim")
		return []*ir.Node{flip(b, b.Op("cumsum", flip(b, g, dim), dim), dim)}
	},
	Reference: kit.AlongRow(runningSum[float64], runningSum[int64]),
})

func runningSum[T int64 | float64](out, v []T) {
	var s T
	for i, x := range v {
		s += x
		out[i] = s
	}
}
