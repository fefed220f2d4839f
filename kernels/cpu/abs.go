package cpu

import "math"

// abs: the absolute value, elementwise. The least integer stays itself.
//
// x [...] → out [...]. Bound by bytes.
func init() { register("abs", unaryNumbers(absInts, absInts, absFloats, absFloats)) }

func absInts[T integer](out, x []T) {
	for i, v := range x {
		out[i] = max(v, -v)
	}
}

func absFloats[T float](out, x []T) {
	for i, v := range x {
		out[i] = T(math.Abs(float64(v)))
	}
}
