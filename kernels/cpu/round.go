package cpu

import "math"

// round: the nearest integer, halves to even, elementwise; integers as they are.
//
// x [...] → out [...]. Bound by bytes.
func init() { register("round", rounding(round, round)) }

func round[T float](out, x []T) {
	for i, v := range x {
		out[i] = T(math.RoundToEven(float64(v)))
	}
}
