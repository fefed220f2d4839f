package cpu

import "math"

// trunc: x without its fraction, elementwise; integers as they are.
//
// x [...] → out [...]. Bound by bytes.
func init() { register("trunc", rounding(trunc, trunc)) }

func trunc[T float](out, x []T) {
	for i, v := range x {
		out[i] = T(math.Trunc(float64(v)))
	}
}
