package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/comptime"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Exp is the op exp.
var Exp = ir.Register(&ir.Op{
	Name:   "exp",
	Family: ir.Functions,
	Doc:    `e to the power x, element by element.`,
	Example: `
x: f32[2] = [0, 1]
exp(x): f32[2] = [1, 2.7182817]`,
	Params:  kit.ParamsUnary,
	Class:   ir.Elementwise,
	Promote: ir.PromoteFloat,
	ULPs:    3,
	Infer:   kit.LikeOperand,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return []*ir.Node{b.Mul(g, n)}
	},
	Reference: kit.EachFloat(math.Exp),
	Scalar:    comptime.Real(math.Exp),
})
