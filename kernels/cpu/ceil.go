package cpu

import "math"

// ceil: the smallest integer not below x, elementwise; integers as they are.
//
// x [...] → out [...]. Bound by bytes.
func init() { register("ceil", rounding(ceil, ceil)) }

func ceil[T float](out, x []T) {
	for i, v := range x {
		out[i] = T(math.Ceil(float64(v)))
	}
}
