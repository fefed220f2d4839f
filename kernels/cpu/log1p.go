package cpu

import "math"

// log1p: the logarithm of 1 + x, elementwise.
//
// x [...] → out [...]. Bound by flops.

func init() {
	register("log1p", on(first, floats(unary(log1pLoop[float32]), unary(log1pLoop[float64]))))
}

func log1pLoop[T float](out, x []T) {
	for i, v := range x {
		out[i] = T(math.Log1p(float64(v)))
	}
}
