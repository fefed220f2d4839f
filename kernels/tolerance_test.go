package kernels_test

import (
	"math"

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
// Sums add |terms| · n · (their accumulator's u); what an accumulator in f64
// adds to an f32 result is below its rounding for any n < 2^28.

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
// reference says is want.
func toleranceOf(op string, n *ir.Node, in []*ir.Array, want *ir.Array) func(i int) float64 {
	if !n.Type.DType.IsFloat() {
		return func(int) float64 { return 0 }
	}
	u, tiny := unit(n.Type.DType)
	roundings := 2.0
	if n.Type.DType == ir.F64 {
		roundings = 8
	}
	if op == "softmax" { // the exponential is rounded to T before it is divided by the sum
		roundings = 4
	}
	extra := extraOf(op, n, in, want)
	return func(i int) float64 { return roundings*u*math.Abs(want.F[i]) + tiny + extra(i) }
}

// extraOf is what an op's cancellation or accumulation adds.
func extraOf(op string, n *ir.Node, in []*ir.Array, want *ir.Array) func(i int) float64 {
	// What intermediate values are rounded to: f32 for the narrow dtypes.
	acc := n.Type.DType
	if acc != ir.F64 {
		acc = ir.F32
	}
	u, _ := unit(acc)
	const u64 = 0x1p-53
	constant := func(v float64) func(int) float64 { return func(int) float64 { return v } }
	switch op {
	case "sum", "cumsum":
		// Terms are added in f64, of magnitudes whose sum is what they are scaled by.
		magnitude := n.Op.Reference(n, []*ir.Array{absolute(in[0])})
		return func(i int) float64 { return u64 * magnitude.F[i] * float64(in[0].Len()) }
	case "prod":
		return relative(want, u64*float64(in[0].Len()))
	case "matmul":
		// k products and k additions in f32, of magnitudes whose sum is the
		// product of the operands' magnitudes.
		k := in[0].Type.Shape[len(in[0].Type.Shape)-1]
		if len(in[0].Type.Shape) > 1 && n.Bool("transpose_a") {
			k = in[0].Type.Shape[len(in[0].Type.Shape)-2]
		}
		magnitude := n.Op.Reference(n, []*ir.Array{absolute(in[0]), absolute(in[1])})
		return func(i int) float64 { return 2 * u * float64(k) * magnitude.F[i] }
	case "scatter_add", "index_add":
		// One addition in f32 for each element that meets there: all of them at
		// worst, each of at most the sum's magnitude.
		magnitude := n.Op.Reference(n, []*ir.Array{absolute(in[0]), in[1], absolute(in[2])})
		return func(i int) float64 { return u * float64(in[2].Len()) * magnitude.F[i] }
	case "logsumexp", "log_softmax":
		// The f32 exponential is good to 1e-10. In f64 the reference's own sum and
		// logarithm count, of lines that are within ±10 or have one element.
		if acc == ir.F32 {
			return constant(1e-9)
		}
		return constant(16 * u64 * 10)
	case "softmax":
		// An exponent off by u64·|x|, of x within ±10, makes the exponential as
		// much wrong.
		return relative(want, 8*u64*10)
	case "layer_norm":
		// (x - mean)·scale·weight + bias: the sum may cancel.
		return constant(8 * u64 * float64(in[0].Len()) * (1 + maxAbs(in[1]) + maxAbs(in[2])) * (1 + maxAbs(in[0])))
	case "rms_norm":
		return relative(want, 8*u64*float64(in[0].Len()))
	case "gelu", "gelu_tanh", "erf", "softplus", "elu", "expm1", "silu", "sigmoid":
		// The reference itself may cancel near 0 and for large negative x.
		return constant(4 * u64)
	case "normal":
		// mean + std·(r·cos θ): three roundings in f32, of magnitudes of at most
		// 6 standard deviations.
		return constant(3 * u * (math.Abs(n.Float("mean")) + 6*n.Float("std")))
	case "uniform":
		if n.Type.DType == ir.F64 {
			return constant(2*u*math.Abs(n.Float("low")) + 2*u*math.Abs(n.Float("high")))
		}
	case "tan":
		// Near its poles the slope is 1 + tan², so that the last bit of π/2 counts.
		return func(i int) float64 { return 4 * u64 * (1 + want.F[i]*want.F[i]) }
	}
	return constant(0)
}

func relative(want *ir.Array, factor float64) func(int) float64 {
	return func(i int) float64 { return factor * math.Abs(want.F[i]) }
}

func absolute(a *ir.Array) *ir.Array {
	b := ir.NewArray(a.Type)
	for i, v := range a.F {
		b.F[i] = math.Abs(v)
	}
	copy(b.I, a.I)
	return b
}

func maxAbs(a *ir.Array) float64 {
	m := 0.0
	for _, v := range a.F {
		if !math.IsInf(v, 0) && !math.IsNaN(v) {
			m = max(m, math.Abs(v))
		}
	}
	return m
}
