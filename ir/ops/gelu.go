package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Gelu is the op gelu.
var Gelu = ir.Register(&ir.Op{
	Name: "gelu",
	Doc: `gelu(x): x times the chance that a standard normal is below x, element by element.

That is x/2 * (1 + erf(x / sqrt(2))). Integers and bools count as f32.

Example: gelu([0.0, 1.0]) = [0.0, 0.84134475]`,
	Params:  kit.ParamsUnary,
	Class:   ir.Elementwise,
	Promote: ir.PromoteFloat,
	Infer:   kit.LikeOperand,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		x := n.Inputs[0]
		below := b.Mul(b.Add(b.Erf(b.Mul(x, math.Sqrt2/2)), 1.0), 0.5)
		density := b.Mul(b.Exp(b.Mul(b.Square(x), -0.5)), 1/math.Sqrt(2*math.Pi))
		return []*ir.Node{b.Mul(g, b.Add(below, b.Mul(x, density)))}
	},
	Reference: kit.EachFloat(func(v float64) float64 { return v * normalBelow(v) }),
})

func normalBelow(v float64) float64 { return 0.5 * math.Erfc(-v/math.Sqrt2) }
