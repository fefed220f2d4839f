package cpu

// logical_not: whether x is 0, elementwise.
//
// x [...] → out bool [...]. Bound by bytes.
func init() {
	register("logical_not", on(first, anything(unary(notLoop[uint8]), unary(notLoop[int32]), unary(notLoop[int64]),
		unary(notLoop[float32]), unary(notLoop[float64]))))
}

func notLoop[T element](out []uint8, x []T) {
	for i, v := range x {
		out[i] = b2u(v == 0)
	}
}
