package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/comptime"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Minimum = ir.Register(kit.Binary(&ir.Op{
	Name: "minimum",
	Doc: `The smaller of a and b, element by element.

a and b are broadcast against each other. The result is NaN where one of them is.
Where they are equal, each gets half of the gradient. min finds the smallest
element of one tensor.`,
	Example: `
a: f32[3] = [1, 5, 3]
minimum(a, 2): f32[3] = [1, 2, 2]`,
	Commutative: true,
	Exact:       true,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		x, y := n.Inputs[0], n.Inputs[1]
		share := halfOfTies(b, x, y, g)
		return []*ir.Node{
			b.SumTo(b.Where(b.Gt(x, y), 0.0, share), x),
			b.SumTo(b.Where(b.Lt(x, y), 0.0, share), y),
		}
	},
	Scalar: comptime.Choose("<="),
}, func(a, b float64) float64 { return min(a, b) }, func(a, b int64) int64 { return min(a, b) }))
