package cpu

import "math"

// elu: x above 0, and alpha·(e^x - 1) below, elementwise.
//
// x [...] → out [...]. Bound by flops.
func init() { register("elu", on(first, floats(inBlocks[float32](elu), inBlocks[float64](elu)))) }

func elu(a *Args) func(b []float64) {
	alpha := a.float(0)
	return func(b []float64) {
		for i, v := range b {
			if !(v > 0) {
				b[i] = alpha * math.Expm1(v)
			}
		}
	}
}
