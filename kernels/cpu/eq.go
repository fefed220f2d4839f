package cpu

// eq: whether a equals b, elementwise. False if one is NaN.
//
// a [...], b [...] → out bool, the shape to which both broadcast. Bound by bytes.
func init() { register("eq", comparison(eq, eq, eq, eq, eq)) }

func eq[T element](out []uint8, a, b operand[T]) {
	for i := range out {
		out[i] = b2u(a.at(i) == b.at(i))
	}
}
