package kernels_test

import (
	"math"
	"slices"

	"github.com/flowrun/flowrun/ir"
)

// Tolerances of kernels in source languages. They compute f16, bf16 and f32 in
// f32, not in f64 as the Go kernels do, with the language's own functions, so an
// error of several units comes on top of tolerance_test.go's. As there, u is half
// a unit in the last place, now of the type of computation.

// ulps are what OpenCL's standard allows its functions (OpenCL C 1.2, 7.4), in
// units in the last place, and what kernels of several steps add up to.
var ulps = map[string]float64{
	"exp": 3, "exp2": 3, "expm1": 3, "log": 3, "log1p": 2, "log2": 3, "sqrt": 3, "rsqrt": 2, "reciprocal": 2.5,
	"sin": 4, "cos": 4, "tan": 5, "tanh": 5, "erf": 16, "pow": 16, "div": 2.5,
	"sigmoid":      6,  // exponential 3, addition 0.5, division 2.5
	"silu":         7,  // and a product
	"gelu_tanh":    7,  // likewise
	"gelu":         17, // erfc 16, two products, one of them by ½
	"softplus":     9,  // exponential 3, log1p 2, sum, division 2.5; half a unit of the exponent
	"elu":          4,  // expm1 3, and a product
	"leaky_relu":   1,
	"floor_divide": 4, // a rounded difference and quotient; the last place of large quotients
	"remainder":    1,
	"arange":       1,
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

// sourceTolerance gives the tolerance of each element of a node's value on a
// device that compiles the kernels' sources.
func sourceTolerance(op string, n *ir.Node, in []*ir.Array, want *ir.Array) func(i int) float64 {
	base := toleranceOf(op, n, in, want)
	if !n.Type.DType.IsFloat() {
		return base
	}
	acc := n.Type.DType
	if acc != ir.F64 {
		acc = ir.F32
	}
	u, tiny := unit(acc)
	extra := sourceExtra(op, n, in, want, u, tiny)
	return func(i int) float64 {
		tolerance := base(i) + 2*u*ulps[op]*math.Abs(want.F[i]) + extra(i)
		if acc == ir.F64 && ulps[op] > 0 && len(in) > 0 {
			x := in[0].F // as large as the result, one number, or a column of it
			tolerance += poclF64(op, math.Abs(x[i*len(x)/want.Len()]), want.F[i])
		}
		return tolerance
	}
}

// termsOf is how many additions a sum along a line goes through, in a team of 128 on a
// device that takes no larger ones: a member adds its share, of at least 8, and the
// tree has at most 8 levels.
func termsOf(n *ir.Node, x *ir.Array) float64 {
	longest := 1 // of x's lines
	if n.Op.Class == ir.Reduce {
		longest = x.Len() / max(1, n.Type.Shape.Numel())
	} else if x.Len() > 0 {
		longest = slices.Max(append(x.Type.Shape[:len(x.Type.Shape):len(x.Type.Shape)], 1))
	}
	return max(8, math.Ceil(float64(longest)/128)) + 8
}

// sourceExtra is what an op's cancellation, conditioning or accumulation adds.
func sourceExtra(op string, n *ir.Node, in []*ir.Array, want *ir.Array, u, tiny float64) func(i int) float64 {
	constant := func(v float64) func(int) float64 { return func(int) float64 { return v } }
	terms := 0.0
	if len(in) > 0 {
		terms = termsOf(n, in[0])
	}
	switch op {
	case "silu", "gelu_tanh":
		// An exponential that is denormal is off by half of tiny, times x. An error
		// of gelu_tanh's exponent, of 4 roundings, counts by the exponent itself.
		return func(i int) float64 {
			x := math.Abs(in[0].F[i])
			exponent := 0.0
			if op == "gelu_tanh" && x < 15 {
				exponent = 1.6 * x * (1 + 0.045*x*x)
			}
			return x*tiny + 4*u*exponent*math.Abs(want.F[i])
		}
	case "gelu":
		// erfc(z) falls like exp(-z²), so an error of u in z = x/√2, of 1.5 roundings,
		// counts 2z² times; and where it is denormal it is off by tiny, times x.
		return func(i int) float64 {
			x := math.Abs(in[0].F[i])
			if math.IsInf(x, 0) {
				return 0
			}
			return x*tiny + 1.5*u*min(x*x, 200)*math.Abs(want.F[i])
		}
	case "arange":
		// start and step are rounded to f32 before they are used.
		start, step := math.Abs(asNumber(n.Attr("start"))), math.Abs(asNumber(n.Attr("step")))
		return func(i int) float64 { return u * (start + float64(i)*step) }
	case "prod":
		return relative(want, u*float64(in[0].Len()))
	case "cumsum":
		magnitude := n.Op.Reference(n, []*ir.Array{absolute(in[0])})
		return func(i int) float64 { return u * float64(in[0].Len()) * magnitude.F[i] }
	case "logsumexp", "log_softmax":
		// The sum's relative error is the result's absolute one: exponentials of 3
		// units, of arguments rounded once and below 8, the additions, and the
		// logarithm's 3 units of a value below 9 (of 5,000 terms it is 8.6 at most);
		// then two sums of values below 12, e to the 3 times as many.
		return constant(u * (6 + 8 + terms + 6*9 + 2*12))
	case "softmax":
		// The exponential twice, each with its argument's rounding; the sum; the
		// division and the product.
		return relative(want, u*(2*(6+8)+terms+5+1))
	case "layer_norm":
		// The mean is off by its additions, of |x|; so is each difference, and the
		// scale, half as much; then two products and a sum with the bias.
		return constant(u * (2*terms + 16) * (1 + maxAbs(in[0])) * (1 + maxAbs(in[1]) + maxAbs(in[2])))
	case "rms_norm":
		// Half of the error of the sum of squares; root, division, two products.
		return relative(want, u*(terms+6+5+2))
	case "normal":
		// r: a logarithm of 3 units, halved, and a root of 3; the cosine 4 units.
		return constant(u * (3 + 6 + 8 + 2) * 6 * n.Float("std"))
	case "uniform":
		return constant(0)
	}
	return constant(0)
}

func asNumber(v any) float64 {
	switch v := v.(type) {
	case int:
		return float64(v)
	case float64:
		return v
	}
	return 0
}
