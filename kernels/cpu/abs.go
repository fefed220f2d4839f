package cpu

import "math"

// abs: the absolute value, elementwise.
//
// x [...] → out [...]. Bound by bytes.
//
// The least integer stays itself.

func init() {
	register("abs", on(first, numbers(unary(absInts[int32]), unary(absInts[int64]), unary(absFloats[float32]), unary(absFloats[float64]))))
}

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
