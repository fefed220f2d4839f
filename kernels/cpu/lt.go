package cpu

// lt: whether a is below b, elementwise.
//
// a [...], b [...] → out bool, the shape to which both broadcast. Bound by bytes.
//
// False if one is NaN.

func init() {
	register("lt", on(first, anything(binary(ltLoop[uint8]), binary(ltLoop[int32]), binary(ltLoop[int64]),
		binary(ltLoop[float32]), binary(ltLoop[float64]))))
}

func ltLoop[T element](out []uint8, a, b operand[T]) {
	for i := range out {
		out[i] = b2u(a.at(i) < b.at(i))
	}
}
