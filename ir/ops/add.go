package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Add is the op add.
var Add = ir.Register(&ir.Op{
	Name:     "add",
	Operator: "+",
	Family:   ir.Arithmetic,
	Doc: `The sum a + b, element by element.

a and b are broadcast against each other. Integers wrap around.`,
	Example: `
a: f32[2, 2] = [[1, 2], [3, 4]]
b: f32[2] = [10, 20]
add(a, b): f32[2, 2] = [[11, 22], [13, 24]]`,
	Aliases:     "Add",
	Params:      kit.ParamsBinary,
	Class:       ir.Elementwise,
	Commutative: true,
	Promote:     ir.PromoteAll,
	Exact:       true,
	Infer:       kit.Meet,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return []*ir.Node{b.SumTo(g, n.Inputs[0]), b.SumTo(g, n.Inputs[1])}
	},
	Reference: kit.EachPair(
		func(a, b float64) float64 { return a + b },
		func(a, b int64) int64 { return a + b }),
})
