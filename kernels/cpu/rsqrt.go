package cpu

import "math"

// rsqrt: 1 / sqrt(x), elementwise.
//
// x [...] → out [...]. Bound by flops.
func init() { register("rsqrt", wide(rsqrtLoop, rsqrtLoop)) }

func rsqrtLoop(b []float64) {
	for i, v := range b {
		b[i] = 1 / math.Sqrt(v)
	}
}
