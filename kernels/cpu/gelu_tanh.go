package cpu

import "math"

// gelu_tanh: x / 2 · (1 + tanh(√(2/π) · (x + 0.044715 x³))), elementwise.
//
// x [...] → out [...]. Bound by flops.

func init() {
	register("gelu_tanh", on(first, floats(unary(geluTanhLoop[float32]), unary(geluTanhLoop[float64]))))
}

func geluTanhLoop[T float](out, x []T) {
	for i, v := range x {
		// 1 + tanh(u) = 2 / (1 + e^(-2u)), which doesn't cancel below 0.
		d := float64(v)
		u := math.Sqrt2 * (math.SqrtPi * (1 / math.Pi)) * (d + 0.044715*d*d*d)
		out[i] = T(d / (1 + expOf[T](-2*u)))
	}
}
