package cpu

// isfinite: whether x is neither NaN nor infinite, elementwise.
//
// x [...] → out bool [...]. Bound by bytes.
//
// Integers are all finite.

func init() {
	register("isfinite", on(first, numbers(unary(isfiniteInts[int32]), unary(isfiniteInts[int64]),
		unary(isfiniteFloats[float32]), unary(isfiniteFloats[float64]))))
}

func isfiniteInts[T integer](out []uint8, _ []T) {
	for i := range out {
		out[i] = 1
	}
}

func isfiniteFloats[T float](out []uint8, x []T) {
	for i, v := range x {
		out[i] = b2u(v-v == 0)
	}
}
