package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/comptime"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Expm1 is the op expm1.
var Expm1 = ir.Register(&ir.Op{
	Name: "expm1",
	Doc: `expm1(x): exp(x) - 1, element by element, exact to the last digits near 0 too.

Integers and bools count as f32.

Example: expm1([0.0, 1.0]) = [0.0, 1.7182818]`,
	Params:  kit.ParamsUnary,
	Class:   ir.Elementwise,
	Promote: ir.PromoteFloat,
	Infer:   kit.LikeOperand,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return []*ir.Node{b.Mul(g, b.Exp(n.Inputs[0]))}
	},
	Reference: kit.EachFloat(math.Expm1),
	Scalar:    comptime.Real(math.Expm1),
})
