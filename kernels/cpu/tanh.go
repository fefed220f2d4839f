package cpu

import "math"

// tanh: the hyperbolic tangent, elementwise.
//
// x [...] → out [...]. Bound by flops.

func init() { register("tanh", on(first, floats(unary(tanhLoop[float32]), unary(tanhLoop[float64])))) }

func tanhLoop[T float](out, x []T) {
	for i, v := range x {
		out[i] = T(math.Tanh(float64(v)))
	}
}
