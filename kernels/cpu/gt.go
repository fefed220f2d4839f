package cpu

// gt: whether a is above b, elementwise.
//
// a [...], b [...] → out bool, the shape to which both broadcast. Bound by bytes.
//
// False if one is NaN.

func init() {
	register("gt", on(first, anything(binary(gtLoop[uint8]), binary(gtLoop[int32]), binary(gtLoop[int64]),
		binary(gtLoop[float32]), binary(gtLoop[float64]))))
}

func gtLoop[T element](out []uint8, a, b operand[T]) {
	for i := range out {
		out[i] = b2u(a.at(i) > b.at(i))
	}
}
