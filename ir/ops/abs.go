package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/comptime"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Abs = ir.Register(kit.Unary(&ir.Op{
	Name:   "abs",
	Family: ir.Arithmetic,
	Doc: `The absolute value of x, element by element.

The gradient at 0 is 0. The smallest integer of a dtype stays as it is: its
absolute value doesn't fit.`,
	Example: `
x: f32[2] = [-1.5, 2]
abs(x): f32[2] = [1.5, 2]`,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return []*ir.Node{b.Mul(g, b.Sign(n.Inputs[0]))}
	},
	Scalar: comptime.Abs,
}, math.Abs, func(v int64) int64 { return max(v, -v) }))
