package cpu

import "math"

// tanh: the hyperbolic tangent, elementwise.
//
// x [...] → out [...]. Bound by flops.

func init() { register("tanh", wide(tanhLoop, tanhLoop)) }

func tanhLoop(b []float64) {
	for i, v := range b {
		b[i] = math.Tanh(v)
	}
}
