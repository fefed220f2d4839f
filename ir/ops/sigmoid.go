package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/comptime"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Sigmoid is the op sigmoid.
var Sigmoid = ir.Register(&ir.Op{
	Name: "sigmoid",
	Doc: `sigmoid(x): 1 / (1 + exp(-x)), element by element.

Integers and bools count as f32.

Example: sigmoid([0.0, 1.0]) = [0.5, 0.73105858]`,
	Params:  kit.ParamsUnary,
	Class:   ir.Elementwise,
	Promote: ir.PromoteFloat,
	Infer:   kit.LikeOperand,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return []*ir.Node{b.Mul(g, b.Mul(n, b.Sub(1.0, n)))}
	},
	Reference: kit.EachFloat(logistic),
	Scalar:    comptime.Real(logistic),
})

func logistic(v float64) float64 { return 1 / (1 + math.Exp(-v)) }
