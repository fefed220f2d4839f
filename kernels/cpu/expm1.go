package cpu

import "math"

// expm1: e to the x, minus 1, elementwise.
//
// x [...] → out [...]. Bound by flops.
func init() { register("expm1", wide(expm1, expm1)) }

func expm1(b []float64) {
	for i, v := range b {
		b[i] = math.Expm1(v)
	}
}
