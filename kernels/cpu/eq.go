package cpu

// eq: whether a equals b, elementwise.
//
// a [...], b [...] → out bool, the shape to which both broadcast. Bound by bytes.
//
// False if one is NaN.

func init() {
	register("eq", on(first, anything(binary(eqLoop[uint8]), binary(eqLoop[int32]), binary(eqLoop[int64]),
		binary(eqLoop[float32]), binary(eqLoop[float64]))))
}

func eqLoop[T element](out []uint8, a, b operand[T]) {
	for i := range out {
		out[i] = b2u(a.at(i) == b.at(i))
	}
}
