package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/comptime"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Neg = ir.Register(kit.Unary(&ir.Op{
	Name:     "neg",
	Operator: "-",
	Family:   ir.Arithmetic,
	Doc:      `x with the opposite sign, element by element.`,
	Example: `
x: f32[2] = [1, -2]
neg(x): f32[2] = [-1, 2]`,
	Grad:   func(b *ir.Builder, n, g *ir.Node) []*ir.Node { return []*ir.Node{b.Neg(g)} },
	Scalar: comptime.Neg,
}, func(v float64) float64 { return -v }, func(v int64) int64 { return -v }))
