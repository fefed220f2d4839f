package cpu

import "math"

// exp2: 2 to the x, elementwise.
//
// x [...] → out [...]. Bound by flops.

func init() { register("exp2", on(first, floats(unary(exp2Loop[float32]), unary(exp2Loop[float64])))) }

func exp2Loop[T float](out, x []T) {
	for i, v := range x {
		out[i] = T(math.Exp2(float64(v)))
	}
}
