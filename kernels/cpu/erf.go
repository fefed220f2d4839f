package cpu

import "math"

// erf: the error function, elementwise.
//
// x [...] → out [...]. Bound by flops.
func init() { register("erf", wide(erf, erf)) }

func erf(b []float64) {
	for i, v := range b {
		b[i] = math.Erf(v)
	}
}
