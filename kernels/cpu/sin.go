package cpu

import "math"

// sin: the sine, elementwise.
//
// x [...] → out [...]. Bound by flops.
func init() { register("sin", wide(sin, sin)) }

func sin(b []float64) {
	for i, v := range b {
		b[i] = math.Sin(v)
	}
}
