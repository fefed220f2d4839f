package cpu

import "math"

// tan: the tangent, elementwise.
//
// x [...] → out [...]. Bound by flops.
func init() { register("tan", wide(tan, tan)) }

func tan(b []float64) {
	for i, v := range b {
		b[i] = math.Tan(v)
	}
}
