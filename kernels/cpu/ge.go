package cpu

// ge: whether a is at least b, elementwise.
//
// a [...], b [...] → out bool, the shape to which both broadcast. Bound by bytes.
//
// False if one is NaN.

func init() {
	register("ge", on(first, anything(binary(geLoop[uint8]), binary(geLoop[int32]), binary(geLoop[int64]),
		binary(geLoop[float32]), binary(geLoop[float64]))))
}

func geLoop[T element](out []uint8, a, b operand[T]) {
	for i := range out {
		out[i] = b2u(a.at(i) >= b.at(i))
	}
}
