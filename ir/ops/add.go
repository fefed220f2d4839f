package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Add = ir.Register(kit.Binary(&ir.Op{
	Name:     "add",
	Operator: "+",
	Doc: `The sum a + b, element by element.

a and b are broadcast against each other. Integers wrap around.`,
	Example: `
a: f32[2, 2] = [[1, 2], [3, 4]]
b: f32[2] = [10, 20]
add(a, b): f32[2, 2] = [[11, 22], [13, 24]]`,
	Aliases:     "Add",
	Commutative: true,
	Exact:       true,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return []*ir.Node{b.SumTo(g, n.Inputs[0]), b.SumTo(g, n.Inputs[1])}
	},
}, func(a, b float64) float64 { return a + b }, func(a, b int64) int64 { return a + b }))
