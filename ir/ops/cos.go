package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/comptime"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Cos is the op cos.
var Cos = ir.Register(&ir.Op{
	Name: "cos",
	Doc: `cos(x): the cosine of x in radians, element by element.

Integers and bools count as f32.

Example: cos([0.0, 1.0]) = [1.0, 0.54030231]`,
	Params:  kit.ParamsUnary,
	Class:   ir.Elementwise,
	Promote: ir.PromoteFloat,
	Infer:   kit.LikeOperand,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return []*ir.Node{b.Neg(b.Mul(g, b.Sin(n.Inputs[0])))}
	},
	Reference: kit.EachFloat(math.Cos),
	Scalar:    comptime.Real(math.Cos),
})
