package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/comptime"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Tan is the op tan.
var Tan = ir.Register(&ir.Op{
	Name: "tan",
	Doc: `tan(x): the tangent of x in radians, element by element.

Integers and bools count as f32.

Example: tan([0.0, 1.0]) = [0.0, 1.5574077]`,
	Params:  kit.ParamsUnary,
	Class:   ir.Elementwise,
	Promote: ir.PromoteFloat,
	Infer:   kit.LikeOperand,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return []*ir.Node{b.Mul(g, b.Add(b.Square(n), 1.0))}
	},
	Reference: kit.EachFloat(math.Tan),
	Scalar:    comptime.Real(math.Tan),
})
