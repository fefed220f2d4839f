package cpu

import "math"

// rsqrt: 1 / sqrt(x), elementwise.
//
// x [...] → out [...]. Bound by flops.

func init() {
	register("rsqrt", on(first, floats(unary(rsqrtLoop[float32]), unary(rsqrtLoop[float64]))))
}

func rsqrtLoop[T float](out, x []T) {
	for i, v := range x {
		out[i] = T(1 / math.Sqrt(float64(v)))
	}
}
