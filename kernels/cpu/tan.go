package cpu

import "math"

// tan: the tangent, elementwise.
//
// x [...] → out [...]. Bound by flops.

func init() { register("tan", on(first, floats(unary(tanLoop[float32]), unary(tanLoop[float64])))) }

func tanLoop[T float](out, x []T) {
	for i, v := range x {
		out[i] = T(math.Tan(float64(v)))
	}
}
