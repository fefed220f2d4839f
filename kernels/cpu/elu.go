package cpu

import "math"

// elu: x above 0, and alpha·(e^x - 1) below, elementwise.
//
// x [...] → out [...]. Bound by flops.
func init() { register("elu", on(first, floats(elu[float32], elu[float64]))) }

func elu[T float](a *Args) func() {
	alpha := a.float(0)
	return inBlocks[T](func(b []float64) {
		for i, v := range b {
			if !(v > 0) {
				b[i] = alpha * math.Expm1(v)
			}
		}
	})(a)
}
