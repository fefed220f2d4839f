package cpu

import "math"

// floor: the largest integer not above x, elementwise; integers as they are.
//
// x [...] → out [...]. Bound by bytes.
func init() { register("floor", rounding(floor, floor)) }

func floor[T float](out, x []T) {
	for i, v := range x {
		out[i] = T(math.Floor(float64(v)))
	}
}
