package cpu

import "math"

// exp2: 2 to the x, elementwise.
//
// x [...] → out [...]. Bound by flops.
func init() { register("exp2", wide(exp2, exp2)) }

func exp2(b []float64) {
	for i, v := range b {
		b[i] = math.Exp2(v)
	}
}
