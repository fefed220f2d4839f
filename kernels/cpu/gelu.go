package cpu

import "math"

// gelu: x · Φ(x) = x / 2 · erfc(-x / √2), elementwise.
//
// x [...] → out [...]. Bound by flops.
//
// erfc, and not 1 + erf, so that nothing cancels for x far below 0.

func init() { register("gelu", wide(geluLoop, geluLoop)) }

func geluLoop(b []float64) {
	for i, v := range b {
		b[i] = 0.5 * v * math.Erfc(-v/math.Sqrt2)
	}
}
