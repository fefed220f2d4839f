package cpu

// maximum: the larger of a and b, elementwise. NaN if one is NaN.
//
// a [...], b [...] → out, the shape to which both broadcast. Bound by bytes.
func init() { register("maximum", binaryNumbers(maximum, maximum, maximum, maximum)) }

func maximum[T number](out []T, a, b operand[T]) {
	for i := range out {
		out[i] = max(a.at(i), b.at(i))
	}
}
