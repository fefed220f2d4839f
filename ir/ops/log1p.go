package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Log1p = ir.Register(kit.Function(&ir.Op{
	Name:   "log1p",
	Family: ir.Functions,
	Doc: `log(1 + x), element by element.

It keeps all digits near 0, where log(1 + x) would lose most of them. It is -inf at
-1, and NaN below.`,
	Example: `
x: f32[2] = [0, 1e-05]
log1p(x): f32[2] = [0, 9.99995e-06]`,
	ULPs: 2,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return []*ir.Node{b.Div(g, b.Add(n.Inputs[0], 1.0))}
	},
	Smooth: [2]float64{-0.8, 4},
}, math.Log1p))
