package cpu

import "math"

// log2: the logarithm to base 2, elementwise.
//
// x [...] → out [...]. Bound by flops.

func init() { register("log2", on(first, floats(unary(log2Loop[float32]), unary(log2Loop[float64])))) }

func log2Loop[T float](out, x []T) {
	for i, v := range x {
		out[i] = T(math.Log2(float64(v)))
	}
}
