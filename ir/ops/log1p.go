package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/comptime"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Log1p is the op log1p.
var Log1p = ir.Register(&ir.Op{
	Name: "log1p",
	Doc: `log1p(x): log(1 + x), element by element, exact to the last digits near 0 too.

It is -inf at -1 and NaN below. Integers and bools count as f32.

Example: log1p([0.0, 1.0]) = [0.0, 0.69314718]`,
	Params:  kit.ParamsUnary,
	Class:   ir.Elementwise,
	Promote: ir.PromoteFloat,
	Infer:   kit.LikeOperand,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return []*ir.Node{b.Div(g, b.Add(n.Inputs[0], 1.0))}
	},
	Reference: kit.EachFloat(math.Log1p),
	Scalar:    comptime.Real(math.Log1p),
})
