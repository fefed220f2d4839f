package cpu

import "math"

// gelu: x · Φ(x) = x / 2 · erfc(-x / √2), elementwise.
//
// x [...] → out [...]. Bound by flops.
//
// erfc, and not 1 + erf, so that nothing cancels for x far below 0.

func init() { register("gelu", on(first, floats(unary(geluLoop[float32]), unary(geluLoop[float64])))) }

func geluLoop[T float](out, x []T) {
	for i, v := range x {
		out[i] = T(0.5 * float64(v) * math.Erfc(-float64(v)/math.Sqrt2))
	}
}
