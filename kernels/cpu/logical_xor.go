package cpu

// logical_xor: whether just one of them is not 0, elementwise.
//
// a [...], b [...] → out bool, the shape to which both broadcast. Bound by bytes.
//
// NaN is not 0.

func init() {
	register("logical_xor", on(first, anything(binary(xorLoop[uint8]), binary(xorLoop[int32]), binary(xorLoop[int64]),
		binary(xorLoop[float32]), binary(xorLoop[float64]))))
}

func xorLoop[T element](out []uint8, a, b operand[T]) {
	for i := range out {
		out[i] = b2u((a.at(i) != 0) != (b.at(i) != 0))
	}
}
