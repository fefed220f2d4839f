package cpu

import "math"

// cos: the cosine, elementwise.
//
// x [...] → out [...]. Bound by flops.

func init() { register("cos", on(first, floats(unary(cosLoop[float32]), unary(cosLoop[float64])))) }

func cosLoop[T float](out, x []T) {
	for i, v := range x {
		out[i] = T(math.Cos(float64(v)))
	}
}
