package cpu

import "math"

// isinf: whether x is infinite, elementwise. Integers are all finite.
//
// x [...] → out bool [...]. Bound by bytes.
func init() { register("isinf", predicate(never, never, isinf, isinf)) }

func isinf[T float](out []uint8, x []T) {
	for i, v := range x {
		out[i] = b2u(math.IsInf(float64(v), 0))
	}
}
