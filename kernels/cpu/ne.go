package cpu

// ne: whether a differs from b, elementwise.
//
// a [...], b [...] → out bool, the shape to which both broadcast. Bound by bytes.
//
// Every number differs from NaN, and so does NaN.

func init() {
	register("ne", on(first, anything(binary(neLoop[uint8]), binary(neLoop[int32]), binary(neLoop[int64]),
		binary(neLoop[float32]), binary(neLoop[float64]))))
}

func neLoop[T element](out []uint8, a, b operand[T]) {
	for i := range out {
		out[i] = b2u(a.at(i) != b.at(i))
	}
}
