package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/comptime"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Sin is the op sin.
var Sin = ir.Register(&ir.Op{
	Name: "sin",
	Doc: `sin(x): the sine of x in radians, element by element.

Integers and bools count as f32.

Example: sin([0.0, 1.0]) = [0.0, 0.84147098]`,
	Params:  kit.ParamsUnary,
	Class:   ir.Elementwise,
	Promote: ir.PromoteFloat,
	Infer:   kit.LikeOperand,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return []*ir.Node{b.Mul(g, b.Cos(n.Inputs[0]))}
	},
	Reference: kit.EachFloat(math.Sin),
	Scalar:    comptime.Real(math.Sin),
})
