package cpu

import "math"

// sqrt: the square root, elementwise.
//
// x [...] → out [...]. Bound by bytes.

func init() { register("sqrt", on(first, floats(unary(sqrtLoop[float32]), unary(sqrtLoop[float64])))) }

func sqrtLoop[T float](out, x []T) {
	for i, v := range x {
		out[i] = T(math.Sqrt(float64(v)))
	}
}
