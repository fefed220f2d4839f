package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/comptime"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Erf is the op erf.
var Erf = ir.Register(&ir.Op{
	Name: "erf",
	Doc: `erf(x): the error function, element by element.

Integers and bools count as f32.

Example: erf([0.0, 1.0]) = [0.0, 0.84270079]`,
	Params:  kit.ParamsUnary,
	Class:   ir.Elementwise,
	Promote: ir.PromoteFloat,
	Infer:   kit.LikeOperand,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		slope := b.Exp(b.Neg(b.Square(n.Inputs[0])))
		return []*ir.Node{b.Mul(g, b.Mul(slope, 2/math.Sqrt(math.Pi)))}
	},
	Reference: kit.EachFloat(math.Erf),
	Scalar:    comptime.Real(math.Erf),
})
