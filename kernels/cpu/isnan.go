package cpu

// isnan: whether x is NaN, elementwise.
//
// x [...] → out bool [...]. Bound by bytes.
//
// Integers are all finite.

func init() {
	register("isnan", on(first, numbers(unary(isnanInts[int32]), unary(isnanInts[int64]),
		unary(isnanFloats[float32]), unary(isnanFloats[float64]))))
}

func isnanInts[T integer](out []uint8, _ []T) {
	for i := range out {
		out[i] = 0
	}
}

func isnanFloats[T float](out []uint8, x []T) {
	for i, v := range x {
		out[i] = b2u(v != v)
	}
}
