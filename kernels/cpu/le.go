package cpu

// le: whether a is at most b, elementwise. False if one is NaN.
//
// a [...], b [...] → out bool, the shape to which both broadcast. Bound by bytes.
func init() { register("le", comparison(le, le, le, le, le)) }

func le[T element](out []uint8, a, b operand[T]) {
	for i := range out {
		out[i] = b2u(a.at(i) <= b.at(i))
	}
}
