package cpu

import "math"

// expm1: e to the x, minus 1, elementwise.
//
// x [...] → out [...]. Bound by flops.

func init() { register("expm1", wide(expm1Loop, expm1Loop)) }

func expm1Loop(b []float64) {
	for i, v := range b {
		b[i] = math.Expm1(v)
	}
}
