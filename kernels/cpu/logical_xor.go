package cpu

// logical_xor: whether just one of them is not 0, elementwise. NaN is not 0.
//
// a [...], b [...] → out bool, the shape to which both broadcast. Bound by bytes.
func init() { register("logical_xor", comparison(xor, xor, xor, xor, xor)) }

func xor[T element](out []uint8, a, b operand[T]) {
	for i := range out {
		out[i] = b2u((a.at(i) != 0) != (b.at(i) != 0))
	}
}
