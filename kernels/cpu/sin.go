package cpu

import "math"

// sin: the sine, elementwise.
//
// x [...] → out [...]. Bound by flops.

func init() { register("sin", on(first, floats(unary(sinLoop[float32]), unary(sinLoop[float64])))) }

func sinLoop[T float](out, x []T) {
	for i, v := range x {
		out[i] = T(math.Sin(float64(v)))
	}
}
