package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Tanh = ir.Register(kit.Function(&ir.Op{
	Name:   "tanh",
	Family: ir.Activations,
	Doc:    `The hyperbolic tangent of x, element by element.`,
	Example: `
x: f32[2] = [0, 1]
tanh(x): f32[2] = [0, 0.7615942]`,
	Aliases: "Tanh",
	ULPs:    5,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return []*ir.Node{b.Mul(g, b.Sub(1.0, b.Square(n)))}
	},
}, math.Tanh))
