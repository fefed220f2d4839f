package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Exp2 = ir.Register(kit.Function(&ir.Op{
	Name:   "exp2",
	Family: ir.Functions,
	Doc:    `2 to the power x, element by element.`,
	Example: `
x: f32[3] = [0, 3, -1]
exp2(x): f32[3] = [1, 8, 0.5]`,
	ULPs: 3,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return []*ir.Node{b.Mul(g, b.Mul(n, math.Ln2))}
	},
}, math.Exp2))
