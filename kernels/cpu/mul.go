package cpu

// mul: a · b, elementwise. Integers wrap around.
//
// a [...], b [...] → out, the shape to which both broadcast. Bound by bytes.
func init() { register("mul", binaryNumbers(mul, mul, mul, mul)) }

func mul[T number](out []T, a, b operand[T]) {
	for i := range out {
		out[i] = a.at(i) * b.at(i)
	}
}
