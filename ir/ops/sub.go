package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Sub = ir.Register(kit.Binary(&ir.Op{
	Name:     "sub",
	Operator: "-",
	Doc: `The difference a - b, element by element.

a and b are broadcast against each other. Integers wrap around.`,
	Example: `
a: f32[2] = [5, 7]
b: f32[2] = [1, 10]
sub(a, b): f32[2] = [4, -3]`,
	Aliases: "subtract Subtract",
	Exact:   true,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return []*ir.Node{b.SumTo(g, n.Inputs[0]), b.Neg(b.SumTo(g, n.Inputs[1]))}
	},
}, func(a, b float64) float64 { return a - b }, func(a, b int64) int64 { return a - b }))
