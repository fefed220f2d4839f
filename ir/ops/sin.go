package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/comptime"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Sin is the op sin.
var Sin = ir.Register(&ir.Op{
	Name:   "sin",
	Family: ir.Functions,
	Doc:    `The sine of x, in radians, element by element.`,
	Example: `
x: f32[2] = [0, 1]
sin(x): f32[2] = [0, 0.84147096]`,
	Params:  kit.ParamsUnary,
	Class:   ir.Elementwise,
	Promote: ir.PromoteFloat,
	ULPs:    4,
	Infer:   kit.LikeOperand,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return []*ir.Node{b.Mul(g, b.Cos(n.Inputs[0]))}
	},
	Reference: kit.EachFloat(math.Sin),
	Scalar:    comptime.Real(math.Sin),
})
