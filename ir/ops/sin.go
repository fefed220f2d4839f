package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Sin = ir.Register(kit.Function(&ir.Op{
	Name:   "sin",
	Family: ir.Functions,
	Doc:    `The sine of x, in radians, element by element.`,
	Example: `
x: f32[2] = [0, 1]
sin(x): f32[2] = [0, 0.84147096]`,
	ULPs: 4,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return []*ir.Node{b.Mul(g, b.Cos(n.Inputs[0]))}
	},
}, math.Sin))
