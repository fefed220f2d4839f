package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/comptime"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Rsqrt is the op rsqrt.
var Rsqrt = ir.Register(&ir.Op{
	Name:   "rsqrt",
	Family: ir.Functions,
	Doc: `1 / sqrt(x), element by element.

It is inf at 0, and NaN for negative x.`,
	Example: `
x: f32[2] = [1, 4]
rsqrt(x): f32[2] = [1, 0.5]`,
	Params:  kit.ParamsUnary,
	Class:   ir.Elementwise,
	Promote: ir.PromoteFloat,
	ULPs:    2,
	Infer:   kit.LikeOperand,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return []*ir.Node{b.Mul(g, b.Mul(b.Mul(b.Square(n), n), -0.5))}
	},
	Reference: kit.EachFloat(func(v float64) float64 { return 1 / math.Sqrt(v) }),
	Scalar:    comptime.Real(func(v float64) float64 { return 1 / math.Sqrt(v) }),
	Smooth:    [2]float64{0.2, 4},
})
