package cpu

import "math"

// erf: the error function, elementwise.
//
// x [...] → out [...]. Bound by flops.

func init() { register("erf", on(first, floats(unary(erfLoop[float32]), unary(erfLoop[float64])))) }

func erfLoop[T float](out, x []T) {
	for i, v := range x {
		out[i] = T(math.Erf(float64(v)))
	}
}
