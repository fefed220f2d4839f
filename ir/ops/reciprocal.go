package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Reciprocal = ir.Register(kit.Function(&ir.Op{
	Name:    "reciprocal",
	Family:  ir.Arithmetic,
	Doc:     `1 / x, element by element.`,
	Compute: ir.ComputeWide,
	Example: `
x: f32[2] = [2, -4]
reciprocal(x): f32[2] = [0.5, -0.25]`,
	Exact: true,
	ULPs:  2.5,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return []*ir.Node{b.Neg(b.Mul(g, b.Square(n)))}
	},
	Smooth: [2]float64{0.2, 4},
}, func(v float64) float64 { return 1 / v }))
