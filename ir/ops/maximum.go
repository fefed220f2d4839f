package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/comptime"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Maximum is the op maximum.
var Maximum = ir.Register(&ir.Op{
	Name: "maximum",
	Doc: `maximum(a, b): the larger of a and b, element by element; NaN if one is.

a and b are numbers, broadcast. Where they are equal, each gets half of the
gradient.

Example: maximum([1, 5, 3], 2) = [2, 5, 3]`,
	Params:      kit.ParamsBinary,
	Class:       ir.Elementwise,
	Commutative: true,
	Promote:     ir.PromoteAll,
	Exact:       true,
	Infer:       kit.Meet,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		x, y := n.Inputs[0], n.Inputs[1]
		share := halfOfTies(b, x, y, g)
		return []*ir.Node{
			b.SumTo(b.Where(b.Lt(x, y), 0.0, share), x),
			b.SumTo(b.Where(b.Gt(x, y), 0.0, share), y),
		}
	},
	Reference: kit.EachPair(
		func(a, b float64) float64 { return max(a, b) },
		func(a, b int64) int64 { return max(a, b) }),
	Scalar: comptime.Choose(">="),
})

// halfOfTies halves g where x and y are equal.
func halfOfTies(b *ir.Builder, x, y, g *ir.Node) *ir.Node {
	return b.Where(b.Eq(x, y), b.Mul(g, 0.5), g)
}
