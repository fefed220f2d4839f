package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/comptime"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Tanh is the op tanh.
var Tanh = ir.Register(&ir.Op{
	Name: "tanh",
	Doc: `tanh(x): the hyperbolic tangent, element by element.

Integers and bools count as f32.

Example: tanh([0.0, 1.0]) = [0.0, 0.76159416]`,
	Params:  kit.ParamsUnary,
	Class:   ir.Elementwise,
	Promote: ir.PromoteFloat,
	Infer:   kit.LikeOperand,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return []*ir.Node{b.Mul(g, b.Sub(1.0, b.Square(n)))}
	},
	Reference: kit.EachFloat(math.Tanh),
	Scalar:    comptime.Real(math.Tanh),
})
