package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/comptime"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

// Remainder is the op remainder.
var Remainder = ir.Register(&ir.Op{
	Name:     "remainder",
	Operator: "%",
	Doc: `remainder(a, b): what floor_divide leaves, a % b, element by element.

It has the sign of b, as in Python. a and b are numbers, broadcast. By 0, floats
give NaN and integers 0.

Example: remainder([7, -7], 3) = [1, 2]`,
	Params:  kit.ParamsBinary,
	Class:   ir.Elementwise,
	Promote: ir.PromoteAll,
	Infer:   kit.Meet,
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		x, y := n.Inputs[0], n.Inputs[1]
		whole := b.Op("floor_divide", x, y)
		return []*ir.Node{b.SumTo(g, x), b.SumTo(b.Neg(b.Mul(g, whole)), y)}
	},
	Reference: kit.EachPair(
		func(a, b float64) float64 {
			r := math.Mod(a, b)
			if r != 0 && (r < 0) != (b < 0) {
				r += b
			}
			return r
		},
		func(a, b int64) int64 {
			if b == 0 {
				return 0
			}
			r := a % b
			if r != 0 && (r < 0) != (b < 0) {
				r += b
			}
			return r
		}),
	Scalar: comptime.Operator("%"),
})
