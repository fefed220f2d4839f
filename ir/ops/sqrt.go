package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/comptime"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Sqrt is the op sqrt.
var Sqrt = ir.Register(&ir.Op{
	Name:   "sqrt",
	Family: ir.Functions,
	Doc: `The square root of x, element by element.

It is NaN for negative x. The gradient at 0 is infinite.`,
	Example: `
x: f32[3] = [0, 4, 9]
sqrt(x): f32[3] = [0, 2, 3]`,
	Params:  kit.ParamsUnary,
	Class:   ir.Elementwise,
	Promote: ir.PromoteFloat,
	ULPs:    3,
	Infer:   kit.LikeOperand,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return []*ir.Node{b.Div(g, b.Mul(n, 2.0))}
	},
	Reference: kit.EachFloat(math.Sqrt),
	Scalar:    comptime.Real(math.Sqrt),
	Smooth:    [2]float64{0.2, 4},
})
