package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Mul = ir.Register(kit.Binary(&ir.Op{
	Name:     "mul",
	Operator: "*",
	Doc: `The product a * b, element by element.

a and b are broadcast against each other. Integers wrap around.`,
	Example: `
a: i32[2, 1] = [[1], [2]]
b: i32[2] = [3, 4]
mul(a, b): i32[2, 2] = [[3, 4], [6, 8]]`,
	Aliases:     "multiply Multiply",
	Commutative: true,
	Exact:       true,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		x, y := n.Inputs[0], n.Inputs[1]
		return []*ir.Node{b.SumTo(b.Mul(g, y), x), b.SumTo(b.Mul(g, x), y)}
	},
}, func(a, b float64) float64 { return a * b }, func(a, b int64) int64 { return a * b }))
