package cpu

// add: a + b, elementwise. Integers wrap around.
//
// a [...], b [...] → out, the shape to which both broadcast. Bound by bytes.
func init() { register("add", binaryNumbers(add, add, add, add)) }

func add[T number](out []T, a, b operand[T]) {
	for i := range out {
		out[i] = a.at(i) + b.at(i)
	}
}
