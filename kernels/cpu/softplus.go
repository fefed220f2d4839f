package cpu

import "math"

// softplus: log(1 + e^(beta·x)) / beta, and x itself where beta·x > threshold.
//
// x [...] → out [...]. Bound by flops.

func init() {
	register("softplus", on(first, floats(softplus[float32], softplus[float64])))
}

func softplus[T float](a *Args) func() {
	x, out := view[T](a.input(0)), view[T](a.Output)
	sameShape(a.input(0), a.Output)
	beta, threshold := a.float(0), a.float(1)
	return func() {
		for i, v := range x {
			if u := float64(v) * beta; u > threshold {
				out[i] = v
			} else {
				out[i] = T(math.Log1p(expOf[T](u)) / beta)
			}
		}
	}
}
