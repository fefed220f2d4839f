package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Cos = ir.Register(kit.Function(&ir.Op{
	Name:   "cos",
	Family: ir.Functions,
	Doc:    `The cosine of x, in radians, element by element.`,
	Example: `
x: f32[2] = [0, 1]
cos(x): f32[2] = [1, 0.5403023]`,
	ULPs: 4,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return []*ir.Node{b.Neg(b.Mul(g, b.Sin(n.Inputs[0])))}
	},
}, math.Cos))
