package cpu

import "math"

// floor: the largest integer not above x, elementwise; integers as they are.
//
// x [...] → out [...]. Bound by bytes.

func init() {
	register("floor", on(first, numbers(copied, copied, unary(floorLoop[float32]), unary(floorLoop[float64]))))
}

func floorLoop[T float](out, x []T) {
	for i, v := range x {
		out[i] = T(math.Floor(float64(v)))
	}
}
