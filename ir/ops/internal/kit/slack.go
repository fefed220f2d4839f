package kit

import (
	"math"

	"github.com/flowrun/flowrun/ir"
)

// U64 is half a unit in the last place of a float64 next to 1: what a rounding
// of the reference, or of a kernel that computes in f64, may cost.
const U64 = 0x1p-53

// Constant is the same slack for all elements.
func Constant(v float64) ir.Slack { return func(int) float64 { return v } }

// Relative is a slack that is a multiple of the elements.
func Relative(c ir.Computed, factor float64) ir.Slack {
	return func(i int) float64 { return factor * math.Abs(c.Want.F[i]) }
}

// ReferenceSlack is that of a function whose reference itself cancels near 0 and
// for large negative x.
func ReferenceSlack(ir.Computed) ir.Slack { return Constant(4 * U64) }

// Magnitudes is the value of the operands' absolute values, of those with
// numbers in them: what the roundings of a sum scale with.
func Magnitudes(c ir.Computed) []float64 {
	in := make([]*ir.Array, len(c.In))
	for i, a := range c.In {
		in[i] = a
		if a.F != nil {
			in[i] = ir.NewArray(a.Type)
			for j, v := range a.F {
				in[i].F[j] = math.Abs(v)
			}
		}
	}
	return c.Node.Op.Reference(c.Node, in).F
}

// MaxAbs is the largest finite magnitude in an operand.
func MaxAbs(a *ir.Array) float64 {
	m := 0.0
	for _, v := range a.F {
		if !math.IsInf(v, 0) && !math.IsNaN(v) {
			m = max(m, math.Abs(v))
		}
	}
	return m
}
