package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/comptime"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Log1p is the op log1p.
var Log1p = ir.Register(&ir.Op{
	Name:   "log1p",
	Family: ir.Functions,
	Doc: `log(1 + x), element by element.

It keeps all digits near 0, where log(1 + x) would lose most of them. It is -inf at
-1, and NaN below.`,
	Example: `
x: f32[2] = [0, 1e-05]
log1p(x): f32[2] = [0, 9.99995e-06]`,
	Params:  kit.ParamsUnary,
	Class:   ir.Elementwise,
	Promote: ir.PromoteFloat,
	ULPs:    2,
	Infer:   kit.LikeOperand,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return []*ir.Node{b.Div(g, b.Add(n.Inputs[0], 1.0))}
	},
	Reference: kit.EachFloat(math.Log1p),
	Scalar:    comptime.Real(math.Log1p),
	Smooth:    [2]float64{-0.8, 4},
})
