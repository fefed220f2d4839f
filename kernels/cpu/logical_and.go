package cpu

// logical_and: whether both are not 0, elementwise.
//
// a [...], b [...] → out bool, the shape to which both broadcast. Bound by bytes.
//
// NaN is not 0.

func init() {
	register("logical_and", on(first, anything(binary(andLoop[uint8]), binary(andLoop[int32]), binary(andLoop[int64]),
		binary(andLoop[float32]), binary(andLoop[float64]))))
}

func andLoop[T element](out []uint8, a, b operand[T]) {
	for i := range out {
		out[i] = b2u((a.at(i) != 0) && (b.at(i) != 0))
	}
}
