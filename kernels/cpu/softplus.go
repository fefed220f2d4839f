package cpu

import "math"

// softplus: log(1 + e^(beta·x)) / beta, and x itself where beta·x > threshold,
// elementwise.
//
// x [...] → out [...]. Bound by flops.
func init() { register("softplus", on(first, floats(softplus[float32], softplus[float64]))) }

func softplus[T float](a *Args) func() {
	beta, threshold := a.float(0), a.float(1)
	return inBlocks[T](func(b []float64) {
		for i, v := range b {
			if u := v * beta; !(u > threshold) {
				b[i] = math.Log1p(expOf[T](u)) / beta
			}
		}
	})(a)
}
