package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Rsqrt = ir.Register(kit.Function(&ir.Op{
	Name:   "rsqrt",
	Family: ir.Functions,
	Doc: `1 / sqrt(x), element by element.

It is inf at 0, and NaN for negative x.`,
	Example: `
x: f32[2] = [1, 4]
rsqrt(x): f32[2] = [1, 0.5]`,
	ULPs: 2,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return []*ir.Node{b.Mul(g, b.Mul(b.Mul(b.Square(n), n), -0.5))}
	},
	Smooth: [2]float64{0.2, 4},
}, func(v float64) float64 { return 1 / math.Sqrt(v) }))
