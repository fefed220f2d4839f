package cpu

import "math"

// gelu_tanh: x / 2 · (1 + tanh(√(2/π) · (x + 0.044715 x³))), elementwise.
//
// x [...] → out [...]. Bound by flops.
func init() { register("gelu_tanh", wide(geluTanhLoop[float32], geluTanhLoop[float64])) }

func geluTanhLoop[T float](b []float64) {
	for i, v := range b {
		// 1 + tanh(u) = 2 / (1 + e^(-2u)), which doesn't cancel below 0.
		u := math.Sqrt2 / math.SqrtPi * (v + 0.044715*v*v*v)
		b[i] = v / (1 + expOf[T](-2*u))
	}
}
