package cpu

// sub: a - b, elementwise. Integers wrap around.
//
// a [...], b [...] → out, the shape to which both broadcast. Bound by bytes.
func init() { register("sub", binaryNumbers(sub, sub, sub, sub)) }

func sub[T number](out []T, a, b operand[T]) {
	for i := range out {
		out[i] = a.at(i) - b.at(i)
	}
}
