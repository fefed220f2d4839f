package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/comptime"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Log is the op log.
var Log = ir.Register(&ir.Op{
	Name: "log",
	Doc: `log(x): the natural logarithm, element by element.

It is -inf at 0 and NaN below. Integers and bools count as f32.

Example: log([1.0, 2.0]) = [0.0, 0.69314718]`,
	Params:  kit.ParamsUnary,
	Class:   ir.Elementwise,
	Promote: ir.PromoteFloat,
	Infer:   kit.LikeOperand,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return []*ir.Node{b.Div(g, n.Inputs[0])}
	},
	Reference: kit.EachFloat(math.Log),
	Scalar:    comptime.Real(math.Log),
})
