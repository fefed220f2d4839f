package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/comptime"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Reciprocal is the op reciprocal.
var Reciprocal = ir.Register(&ir.Op{
	Name:   "reciprocal",
	Family: ir.Arithmetic,
	Doc:    `1 / x, element by element.`,
	Example: `
x: f32[2] = [2, -4]
reciprocal(x): f32[2] = [0.5, -0.25]`,
	Params:  kit.ParamsUnary,
	Class:   ir.Elementwise,
	Promote: ir.PromoteFloat,
	Exact:   true,
	ULPs:    2.5,
	Infer:   kit.LikeOperand,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return []*ir.Node{b.Neg(b.Mul(g, b.Square(n)))}
	},
	Reference: kit.EachFloat(func(v float64) float64 { return 1 / v }),
	Scalar:    comptime.Real(func(v float64) float64 { return 1 / v }),
	Smooth:    [2]float64{0.2, 4},
})
