package cpu

import "math"

// cos: the cosine, elementwise.
//
// x [...] → out [...]. Bound by flops.
func init() { register("cos", wide(cos, cos)) }

func cos(b []float64) {
	for i, v := range b {
		b[i] = math.Cos(v)
	}
}
