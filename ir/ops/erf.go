package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Erf = ir.Register(kit.Function(&ir.Op{
	Name:   "erf",
	Family: ir.Functions,
	Doc: `The error function of x, element by element.

It is 2 / sqrt(pi) times the integral of exp(-t * t) from 0 to x.`,
	Example: `
x: f32[2] = [0, 1]
erf(x): f32[2] = [0, 0.8427008]`,
	Torch: "torch.special.erf",
	ULPs:  16,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		slope := b.Exp(b.Neg(b.Square(n.Inputs[0])))
		return []*ir.Node{b.Mul(g, b.Mul(slope, 2/math.Sqrt(math.Pi)))}
	},
	Slack: kit.ReferenceSlack,
}, math.Erf))
