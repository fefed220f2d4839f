package cpu

// le: whether a is at most b, elementwise.
//
// a [...], b [...] → out bool, the shape to which both broadcast. Bound by bytes.
//
// False if one is NaN.

func init() {
	register("le", on(first, anything(binary(leLoop[uint8]), binary(leLoop[int32]), binary(leLoop[int64]),
		binary(leLoop[float32]), binary(leLoop[float64]))))
}

func leLoop[T element](out []uint8, a, b operand[T]) {
	for i := range out {
		out[i] = b2u(a.at(i) <= b.at(i))
	}
}
