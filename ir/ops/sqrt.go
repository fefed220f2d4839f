package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Sqrt = ir.Register(kit.Function(&ir.Op{
	Name:   "sqrt",
	Family: ir.Functions,
	Doc: `The square root of x, element by element.

It is NaN for negative x. The gradient at 0 is infinite.`,
	Example: `
x: f32[3] = [0, 4, 9]
sqrt(x): f32[3] = [0, 2, 3]`,
	ULPs:   3,
	Grad:   func(b *ir.Builder, n, g *ir.Node) []*ir.Node { return []*ir.Node{b.Div(g, b.Mul(n, 2.0))} },
	Smooth: [2]float64{0.2, 4},
}, math.Sqrt))
