package ops

import "github.com/flowrun/flowrun/ir"

// Maximum is the op maximum.
var Maximum = ir.Register(&ir.Op{
	Name: "maximum",
	Doc: `maximum(a, b): the larger of a and b, element by element; NaN if one is.

a and b are numbers, broadcast. Where they are equal, each gets half of the
gradient.

Example: maximum([1, 5, 3], 2) = [2, 5, 3]`,
	Params:      paramsBinary,
	Class:       ir.Elementwise,
	Commutative: true,
	Promote:     ir.PromoteAll,
	Infer:       meet,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		x, y := n.Inputs[0], n.Inputs[1]
		share := halfOfTies(b, x, y, g)
		return nodes{
			sumTo(b, where(b, lt(b, x, y), 0.0, share), x),
			sumTo(b, where(b, gt(b, x, y), 0.0, share), y),
		}
	},
	Reference: eachPair(
		func(a, b float64) float64 { return max(a, b) },
		func(a, b int64) int64 { return max(a, b) }),
})

// halfOfTies halves g where x and y are equal.
func halfOfTies(b *ir.Builder, x, y, g *ir.Node) *ir.Node {
	return where(b, eq(b, x, y), mul(b, g, 0.5), g)
}
