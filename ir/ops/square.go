package ops

import (
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/comptime"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Square is the op square.
var Square = ir.Register(&ir.Op{
	Name:   "square",
	Family: ir.Arithmetic,
	Doc: `x times itself, element by element.

Integers wrap around.`,
	Example: `
x: f32[3] = [1, -2, 3]
square(x): f32[3] = [1, 4, 9]`,
	Params: kit.ParamsUnary,
	Class:  ir.Elementwise,
	Exact:  true,
	Infer:  kit.LikeNumber,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return []*ir.Node{b.Mul(g, b.Mul(n.Inputs[0], 2.0))}
	},
	Reference: kit.EachNumber(func(v float64) float64 { return v * v }, func(v int64) int64 { return v * v }),
	Scalar:    comptime.Square,
})
