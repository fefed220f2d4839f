package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Tan = ir.Register(kit.Function(&ir.Op{
	Name:   "tan",
	Family: ir.Functions,
	Doc:    `The tangent of x, in radians, element by element.`,
	Example: `
x: f32[2] = [0, 1]
tan(x): f32[2] = [0, 1.5574077]`,
	ULPs: 5,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return []*ir.Node{b.Mul(g, b.Add(b.Square(n), 1.0))}
	},
	Smooth: [2]float64{-1, 1},
	Slack: func(c ir.Computed) ir.Slack {
		// Near its poles the slope is 1 + tan², so that the last bit of π/2 counts.
		return func(i int) float64 { return 4 * kit.U64 * (1 + c.Want.F[i]*c.Want.F[i]) }
	},
}, math.Tan))
