package cpu

import "math"

// isinf: whether x is infinite, elementwise.
//
// x [...] → out bool [...]. Bound by bytes.
//
// Integers are all finite.

func init() {
	register("isinf", on(first, numbers(unary(isinfInts[int32]), unary(isinfInts[int64]),
		unary(isinfFloats[float32]), unary(isinfFloats[float64]))))
}

func isinfInts[T integer](out []uint8, _ []T) {
	for i := range out {
		out[i] = 0
	}
}

func isinfFloats[T float](out []uint8, x []T) {
	for i, v := range x {
		out[i] = b2u(math.IsInf(float64(v), 0))
	}
}
