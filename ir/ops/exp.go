package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/comptime"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Exp is the op exp.
var Exp = ir.Register(&ir.Op{
	Name: "exp",
	Doc: `exp(x): e to the power x, element by element.

Integers and bools count as f32.

Example: exp([0.0, 1.0]) = [1.0, 2.7182818]`,
	Params:  kit.ParamsUnary,
	Class:   ir.Elementwise,
	Promote: ir.PromoteFloat,
	Infer:   kit.LikeOperand,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return []*ir.Node{b.Mul(g, n)}
	},
	Reference: kit.EachFloat(math.Exp),
	Scalar:    comptime.Real(math.Exp),
})
