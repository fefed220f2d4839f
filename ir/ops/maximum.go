package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/comptime"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Maximum = ir.Register(kit.Binary(&ir.Op{
	Name: "maximum",
	Doc: `The larger of a and b, element by element.

a and b are broadcast against each other. The result is NaN where one of them is.
Where they are equal, each gets half of the gradient. max finds the largest
element of one tensor.`,
	Example: `
a: f32[3] = [1, 5, 3]
maximum(a, 2): f32[3] = [2, 5, 3]`,
	Commutative: true,
	Exact:       true,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		x, y := n.Inputs[0], n.Inputs[1]
		share := halfOfTies(b, x, y, g)
		return []*ir.Node{
			b.SumTo(b.Where(b.Lt(x, y), 0.0, share), x),
			b.SumTo(b.Where(b.Gt(x, y), 0.0, share), y),
		}
	},
	Scalar: comptime.Choose(">="),
}, func(a, b float64) float64 { return max(a, b) }, func(a, b int64) int64 { return max(a, b) }))

// halfOfTies halves g where x and y are equal.
func halfOfTies(b *ir.Builder, x, y, g *ir.Node) *ir.Node {
	return b.Where(b.Eq(x, y), b.Mul(g, 0.5), g)
}
