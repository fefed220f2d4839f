package cpu

import "math"

// expm1: e to the x, minus 1, elementwise.
//
// x [...] → out [...]. Bound by flops.

func init() {
	register("expm1", on(first, floats(unary(expm1Loop[float32]), unary(expm1Loop[float64]))))
}

func expm1Loop[T float](out, x []T) {
	for i, v := range x {
		out[i] = T(math.Expm1(float64(v)))
	}
}
