package cpu

// ge: whether a is at least b, elementwise. False if one is NaN.
//
// a [...], b [...] → out bool, the shape to which both broadcast. Bound by bytes.
func init() { register("ge", comparison(ge, ge, ge, ge, ge)) }

func ge[T element](out []uint8, a, b operand[T]) {
	for i := range out {
		out[i] = b2u(a.at(i) >= b.at(i))
	}
}
