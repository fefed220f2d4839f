package cpu

// logical_and: whether both are not 0, elementwise. NaN is not 0.
//
// a [...], b [...] → out bool, the shape to which both broadcast. Bound by bytes.
func init() { register("logical_and", comparison(and, and, and, and, and)) }

func and[T element](out []uint8, a, b operand[T]) {
	for i := range out {
		out[i] = b2u((a.at(i) != 0) && (b.at(i) != 0))
	}
}
