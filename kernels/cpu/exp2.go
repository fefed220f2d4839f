package cpu

import "math"

// exp2: 2 to the x, elementwise.
//
// x [...] → out [...]. Bound by flops.

func init() { register("exp2", wide(exp2Loop, exp2Loop)) }

func exp2Loop(b []float64) {
	for i, v := range b {
		b[i] = math.Exp2(v)
	}
}
