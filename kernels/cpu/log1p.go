package cpu

import "math"

// log1p: the logarithm of 1 + x, elementwise.
//
// x [...] → out [...]. Bound by flops.
func init() { register("log1p", wide(log1p, log1p)) }

func log1p(b []float64) {
	for i, v := range b {
		b[i] = math.Log1p(v)
	}
}
