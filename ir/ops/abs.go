package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/comptime"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Abs is the op abs.
var Abs = ir.Register(&ir.Op{
	Name: "abs",
	Doc: `abs(x): the size of x without its sign, element by element.

The gradient at 0 is 0. The smallest integer stays itself.

Example: abs([-1.5, 2.0]) = [1.5, 2.0]`,
	Params: kit.ParamsUnary,
	Class:  ir.Elementwise,
	Exact:  true,
	Infer:  kit.LikeNumber,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		return []*ir.Node{b.Mul(g, b.Sign(n.Inputs[0]))}
	},
	Reference: kit.EachNumber(math.Abs, func(v int64) int64 { return max(v, -v) }),
	Scalar:    comptime.Abs,
})
