package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Mul is the op mul.
var Mul = ir.Register(&ir.Op{
	Name:     "mul",
	Operator: "*",
	Family:   ir.Arithmetic,
	Doc: `The product a * b, element by element.

a and b are broadcast against each other. Integers wrap around.`,
	Example: `
a: i32[2, 1] = [[1], [2]]
b: i32[2] = [3, 4]
mul(a, b): i32[2, 2] = [[3, 4], [6, 8]]`,
	Aliases:     "multiply Multiply",
	Params:      kit.ParamsBinary,
	Class:       ir.Elementwise,
	Commutative: true,
	Promote:     ir.PromoteAll,
	Exact:       true,
	Infer:       kit.Meet,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		x, y := n.Inputs[0], n.Inputs[1]
		return []*ir.Node{b.SumTo(b.Mul(g, y), x), b.SumTo(b.Mul(g, x), y)}
	},
	Reference: kit.EachPair(
		func(a, b float64) float64 { return a * b },
		func(a, b int64) int64 { return a * b }),
})
