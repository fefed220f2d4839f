package ops

import (
	"math"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/comptime"
	"github.com/flowrun/flowrun/ir/ops/internal/kit"
)

var Remainder = ir.Register(kit.Binary(&ir.Op{
	Name:     "remainder",
	Operator: "%",
	Doc: `What is left of a after floor_divide(a, b), element by element.

The result has the sign of b, as in Python. a and b are broadcast against each
other. Where b is 0, floats give NaN and integers 0.`,
	Example: `
a: i32[2] = [7, -7]
remainder(a, 3): i32[2] = [1, 2]`,
	Aliases: "mod",
	ULPs:    1, // a difference
	Grad: func(b *ir.Builder, n, g *ir.Node) []*ir.Node {
		x, y := n.Inputs[0], n.Inputs[1]
		whole := b.Op("floor_divide", x, y)
		return []*ir.Node{b.SumTo(g, x), b.SumTo(b.Neg(b.Mul(g, whole)), y)}
	},
	Scalar: comptime.Operator("%"),
	Sample: func(s ir.Sampler) []any {
		// a and b from these ranges are never near a multiple of each other.
		shape := s.Shape(0)
		return []any{s.Between(-2.5, 2.5, shape), s.Between(0.7, 3, s.Part(shape))}
	},
}, remainder, remainderInts))

func remainder(a, b float64) float64 {
	r := math.Mod(a, b)
	if r != 0 && (r < 0) != (b < 0) {
		r += b
	}
	return r
}

func remainderInts(a, b int64) int64 {
	if b == 0 {
		return 0
	}
	return a - b*floorDivideInts(a, b)
}
