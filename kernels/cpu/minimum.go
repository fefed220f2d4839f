package cpu

// minimum: the smaller of a and b, elementwise. NaN if one is NaN.
//
// a [...], b [...] → out, the shape to which both broadcast. Bound by bytes.
func init() { register("minimum", binaryNumbers(minimum, minimum, minimum, minimum)) }

func minimum[T number](out []T, a, b operand[T]) {
	for i := range out {
		out[i] = min(a.at(i), b.at(i))
	}
}
