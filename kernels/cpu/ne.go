package cpu

// ne: whether a differs from b, elementwise. Every number differs from NaN, and so does
// NaN.
//
// a [...], b [...] → out bool, the shape to which both broadcast. Bound by bytes.
func init() { register("ne", comparison(ne, ne, ne, ne, ne)) }

func ne[T element](out []uint8, a, b operand[T]) {
	for i := range out {
		out[i] = b2u(a.at(i) != b.at(i))
	}
}
