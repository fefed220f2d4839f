package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Silu is the op silu.
var Silu = ir.Register(&ir.Op{
	Name: "silu",
	Doc: `silu(x): x * sigmoid(x), element by element; also called swish.

Integers and bools count as f32.

Example: silu([0.0, 1.0]) = [0.0, 0.73105858]`,
	Params:  kit.ParamsUnary,
	Class:   ir.Elementwise,
	Promote: ir.PromoteFloat,
	Infer:   kit.LikeOperand,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		s := b.Sigmoid(n.Inputs[0])
		return []*ir.Node{b.Mul(g, b.Add(s, b.Mul(n, b.Sub(1.0, s))))}
	},
	Reference: kit.EachFloat(func(v float64) float64 { return v * logistic(v) }),
})
