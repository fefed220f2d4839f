package cpu

import "math"

// tanh: the hyperbolic tangent, elementwise.
//
// x [...] → out [...]. Bound by flops.
func init() { register("tanh", wide(tanh, tanh)) }

func tanh(b []float64) {
	for i, v := range b {
		b[i] = math.Tanh(v)
	}
}
