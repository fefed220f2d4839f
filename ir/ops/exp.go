package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Exp = ir.Register(kit.Function(&ir.Op{
	Name:   "exp",
	Family: ir.Functions,
	Doc:    `e to the power x, element by element.`,
	Example: `
x: f32[2] = [0, 1]
exp(x): f32[2] = [1, 2.7182817]`,
	ULPs: 3,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node { return []*ir.Node{b.Mul(g, n)} },
}, math.Exp))
