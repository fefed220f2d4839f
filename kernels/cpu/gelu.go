package cpu

import "math"

// gelu: x · Φ(x) = x / 2 · erfc(-x / √2), elementwise. erfc, and not 1 + erf, so that
// nothing cancels for x far below 0.
//
// x [...] → out [...]. Bound by flops.
func init() { register("gelu", wide(gelu, gelu)) }

func gelu(b []float64) {
	for i, v := range b {
		b[i] = 0.5 * v * math.Erfc(-v/math.Sqrt2)
	}
}
