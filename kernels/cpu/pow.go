package cpu

import "math"

// pow: a to the b, elementwise. Integers wrap around; to a negative power they are 0,
// but for 1 and -1. The square, the commonest power, is one multiplication.
//
// a [...], b [...] → out, the shape to which both broadcast. Bound by flops.
func init() { register("pow", binaryNumbers(powInts, powInts, powFloats, powFloats)) }

func powFloats[T float](out []T, a, b operand[T]) {
	for i := range out {
		switch x, y := a.at(i), b.at(i); y {
		case 2:
			out[i] = x * x
		default:
			out[i] = T(math.Pow(float64(x), float64(y)))
		}
	}
}

func powInts[T integer](out []T, a, b operand[T]) {
	for i := range out {
		out[i] = powInt(a.at(i), b.at(i))
	}
}

func powInt[T integer](x, n T) T {
	if n < 0 {
		switch {
		case x == 1 || x == -1 && n&1 == 0:
			return 1
		case x == -1:
			return -1
		}
		return 0
	}
	p := T(1)
	for ; n > 0; n >>= 1 {
		if n&1 == 1 {
			p *= x
		}
		x *= x
	}
	return p
}
