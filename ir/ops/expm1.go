package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Expm1 = ir.Register(kit.Function(&ir.Op{
	Name:   "expm1",
	Family: ir.Functions,
	Doc: `exp(x) - 1, element by element.

It keeps all digits near 0, where exp(x) - 1 would lose most of them.`,
	Example: `
x: f32[2] = [0, 1e-05]
expm1(x): f32[2] = [0, 1.000005e-05]`,
	ULPs: 3,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return []*ir.Node{b.Mul(g, b.Exp(n.Inputs[0]))}
	},
	Slack: kit.ReferenceSlack,
}, math.Expm1))
