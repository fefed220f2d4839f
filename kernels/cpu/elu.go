package cpu

import "math"

// elu: x above 0, and alpha·(e^x - 1) below.
//
// x [...] → out [...]. Bound by flops.

func init() { register("elu", on(first, floats(elu[float32], elu[float64]))) }

func elu[T float](a *Args) func() {
	x, out := view[T](a.input(0)), view[T](a.Output)
	sameShape(a.input(0), a.Output)
	alpha := a.float(0)
	return func() {
		for i, v := range x {
			if v > 0 {
				out[i] = v
			} else {
				out[i] = T(alpha * math.Expm1(float64(v)))
			}
		}
	}
}
