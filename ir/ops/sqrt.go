package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/comptime"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Sqrt is the op sqrt.
var Sqrt = ir.Register(&ir.Op{
	Name: "sqrt",
	Doc: `sqrt(x): the square root, element by element.

It is NaN below 0; its gradient at 0 is infinite. Integers and bools count as f32.

Example: sqrt([0.0, 4.0, 9.0]) = [0.0, 2.0, 3.0]`,
	Params:  kit.ParamsUnary,
	Class:   ir.Elementwise,
	Promote: ir.PromoteFloat,
	Infer:   kit.LikeOperand,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return []*ir.Node{b.Div(g, b.Mul(n, 2.0))}
	},
	Reference: kit.EachFloat(math.Sqrt),
	Scalar:    comptime.Real(math.Sqrt),
})
