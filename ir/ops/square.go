package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/comptime"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Square = ir.Register(kit.Unary(&ir.Op{
	Name:   "square",
	Family: ir.Arithmetic,
	Doc: `x times itself, element by element.

Integers wrap around.`,
	Compute: ir.ComputeWide,
	Example: `
x: f32[3] = [1, -2, 3]
square(x): f32[3] = [1, 4, 9]`,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return []*ir.Node{b.Mul(g, b.Mul(n.Inputs[0], 2.0))}
	},
	Scalar: comptime.Square,
}, func(v float64) float64 { return v * v }, func(v int64) int64 { return v * v }))
