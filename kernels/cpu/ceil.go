package cpu

import "math"

// ceil: the smallest integer not below x, elementwise; integers as they are.
//
// x [...] → out [...]. Bound by bytes.

func init() {
	register("ceil", on(first, numbers(copied, copied, unary(ceilLoop[float32]), unary(ceilLoop[float64]))))
}

func ceilLoop[T float](out, x []T) {
	for i, v := range x {
		out[i] = T(math.Ceil(float64(v)))
	}
}
