package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/comptime"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Exp2 is the op exp2.
var Exp2 = ir.Register(&ir.Op{
	Name:   "exp2",
	Family: ir.Functions,
	Doc:    `2 to the power x, element by element.`,
	Example: `
x: f32[3] = [0, 3, -1]
exp2(x): f32[3] = [1, 8, 0.5]`,
	Params:  kit.ParamsUnary,
	Class:   ir.Elementwise,
	Promote: ir.PromoteFloat,
	ULPs:    3,
	Infer:   kit.LikeOperand,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return []*ir.Node{b.Mul(g, b.Mul(n, math.Ln2))}
	},
	Reference: kit.EachFloat(math.Exp2),
	Scalar:    comptime.Real(math.Exp2),
})
