package cpu

import "math"

// log: the natural logarithm, elementwise.
//
// x [...] → out [...]. Bound by flops.

func init() { register("log", on(first, floats(unary(logLoop[float32]), unary(logLoop[float64])))) }

func logLoop[T float](out, x []T) {
	for i, v := range x {
		out[i] = T(math.Log(float64(v)))
	}
}
