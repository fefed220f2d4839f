package ops

import "github.com/flowrun/flowrun/ir"

// Add is the op add.
var Add = ir.Register(&ir.Op{
	Name: "add",
	Doc: `add(a, b): the sum a + b, element by element.

a and b are numbers, broadcast; integers wrap around.

Example: add([[1, 2], [3, 4]], [10, 20]) = [[11, 22], [13, 24]]`,
	Params:      paramsBinary,
	Class:       ir.Elementwise,
	Commutative: true,
	Promote:     ir.PromoteAll,
	Infer:       meet,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return nodes{sumTo(b, g, n.Inputs[0]), sumTo(b, g, n.Inputs[1])}
	},
	Reference: eachPair(
		func(a, b float64) float64 { return a + b },
		func(a, b int64) int64 { return a + b }),
})
