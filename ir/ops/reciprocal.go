package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/comptime"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Reciprocal is the op reciprocal.
var Reciprocal = ir.Register(&ir.Op{
	Name: "reciprocal",
	Doc: `reciprocal(x): 1 / x, element by element.

Integers and bools count as f32.

Example: reciprocal([2.0, -4.0]) = [0.5, -0.25]`,
	Params:  kit.ParamsUnary,
	Class:   ir.Elementwise,
	Promote: ir.PromoteFloat,
	Exact:   true,
	Infer:   kit.LikeOperand,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return []*ir.Node{b.Neg(b.Mul(g, b.Square(n)))}
	},
	Reference: kit.EachFloat(func(v float64) float64 { return 1 / v }),
	Scalar:    comptime.Real(func(v float64) float64 { return 1 / v }),
})
