package cpu

// logical_or: whether one of them is not 0, elementwise.
//
// a [...], b [...] → out bool, the shape to which both broadcast. Bound by bytes.
//
// NaN is not 0.

func init() {
	register("logical_or", on(first, anything(binary(orLoop[uint8]), binary(orLoop[int32]), binary(orLoop[int64]),
		binary(orLoop[float32]), binary(orLoop[float64]))))
}

func orLoop[T element](out []uint8, a, b operand[T]) {
	for i := range out {
		out[i] = b2u((a.at(i) != 0) || (b.at(i) != 0))
	}
}
