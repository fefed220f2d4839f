package kernels_test

import (
	"math"
	"slices"

	"github.com/flowrun/flowrun/ir"
)

// Tolerances. The unit is u, half a unit in the last place of the result's
// dtype relative to its value: what a single rounding may cost. The kernels
// compute f32 in f64 (but for plain arithmetic and matmul) and round once; f16
// and bf16 are computed as f32 and rounded once more, which adds the rounding of
// f32 (2^-24) and, where that moves a value over a tie, up to a whole unit
// instead of half of one: so 2u covers both. The reference is f64 itself, so
// for f64 results its own error counts too: 8u covers two different ways of
// evaluating a function, each good to 2 units.
//
// Kernels in source languages compute f16, bf16 and f32 in f32, with the
// language's own functions, so what the op says of those in ULPs comes on top.
// What sums and cancellation cost, the op says in Slack.

// unit is 2^-p of a dtype with p bits of precision, and tiny its least
// magnitude.
func unit(d ir.DType) (unit, tiny float64) {
	switch d {
	case ir.F16:
		return 0x1p-11, 0x1p-24
	case ir.BF16:
		return 0x1p-8, 0x1p-133
	case ir.F32:
		return 0x1p-24, 0x1p-149
	}
	return 0x1p-53, 0x1p-1074
}

// toleranceOf gives the tolerance of each element of a node's value, which the
// reference says is want, in a kernel in Go or from source.
func toleranceOf(n *ir.Node, in []*ir.Array, want *ir.Array, fromSource bool) func(i int) float64 {
	if !n.Type.DType.IsFloat() {
		return func(int) float64 { return 0 }
	}
	u, tiny := unit(n.Type.DType)
	roundings, computed := 2.0, ir.F32
	if n.Type.DType == ir.F64 {
		roundings, computed = 8, ir.F64
	}
	c := ir.Computed{Node: n, In: in, Want: want, FromSource: fromSource, Terms: termsOf(n, in)}
	c.Unit, c.Tiny = unit(computed)
	slack := func(int) float64 { return 0 }
	if n.Op.Slack != nil {
		slack = n.Op.Slack(c)
	}
	return func(i int) float64 {
		tolerance := roundings*u*math.Abs(want.F[i]) + tiny + slack(i)
		if fromSource {
			tolerance += 2 * c.Unit * n.Op.ULPs * math.Abs(want.F[i])
			if computed == ir.F64 && n.Op.ULPs > 0 && len(in) > 0 {
				x := in[0].F // as large as the result, one number, or a column of it
				tolerance += poclF64(n.Op.Name, math.Abs(x[i*len(x)/want.Len()]), want.F[i])
			}
		}
		return tolerance
	}
}

// termsOf is how many additions a sum along a row goes through, in a team of 128 on a
// device that takes no larger ones: a member adds its share, of at least 8, and the
// tree has at most 8 levels.
func termsOf(n *ir.Node, in []*ir.Array) float64 {
	if len(in) == 0 {
		return 0
	}
	x, longest := in[0], 1 // of x's rows
	if n.Op.Class == ir.Reduce {
		longest = x.Len() / max(1, n.Type.Shape.Numel())
	} else if x.Len() > 0 {
		longest = slices.Max(append(x.Type.Shape[:len(x.Type.Shape):len(x.Type.Shape)], 1))
	}
	return max(8, math.Ceil(float64(longest)/128)) + 8
}

// poclF64 is what PoCL 3.1's f64 functions are wrong by beyond the standard, where
// the reference's value is v, of an argument x.
func poclF64(op string, x, v float64) float64 {
	switch {
	case op == "log2": // it adds the mantissa's logarithm to the exponent, so near 1 the digits cancel
		return 0x1p-53
	case (op == "log" || op == "pow") && x > 0 && x < 0x1p-1022: // it doesn't see how far below the normal numbers x is
		return math.Inf(1)
	case (op == "sin" || op == "cos" || op == "tan") && math.Abs(x) > 0x1p53: // π is cut off
		return 0x1p-46 * math.Abs(v)
	case op == "pow": // its logarithm has too few digits for large exponents
		return 0x1p-46 * math.Abs(v)
	}
	return 0
}

func absolute(a *ir.Array) *ir.Array {
	b := ir.NewArray(a.Type)
	for i, v := range a.F {
		b.F[i] = math.Abs(v)
	}
	copy(b.I, a.I)
	return b
}
