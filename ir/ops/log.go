package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Log = ir.Register(kit.Function(&ir.Op{
	Name:   "log",
	Family: ir.Functions,
	Doc: `The natural logarithm of x, element by element.

It is -inf at 0, and NaN for negative x.`,
	Example: `
x: f32[2] = [1, 2]
log(x): f32[2] = [0, 0.6931472]`,
	Aliases: "ln",
	ULPs:    3,
	Grad:    func(b *ir.Builder, n, g *ir.Node) []*ir.Node { return []*ir.Node{b.Div(g, n.Inputs[0])} },
	Smooth:  [2]float64{0.2, 4},
}, math.Log))
