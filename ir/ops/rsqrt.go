package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
)

// Rsqrt is the op rsqrt.
var Rsqrt = ir.Register(&ir.Op{
	Name: "rsqrt",
	Doc: `rsqrt(x): 1 / sqrt(x), element by element.

It is inf at 0 and NaN below. Integers and bools count as f32.

Example: rsqrt([1.0, 4.0]) = [1.0, 0.5]`,
	Params:  paramsUnary,
	Class:   ir.Elementwise,
	Promote: ir.PromoteFloat,
	Infer:   likeOperand,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return nodes{mul(b, g, mul(b, mul(b, square(b, n), n), -0.5))}
	},
	Reference: eachFloat(func(v float64) float64 { return 1 / math.Sqrt(v) }),
})
