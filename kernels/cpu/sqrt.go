package cpu

import "math"

// sqrt: the square root, elementwise.
//
// x [...] → out [...]. Bound by bytes.
func init() { register("sqrt", unaryFloats(sqrt, sqrt)) }

func sqrt[T float](out, x []T) {
	for i, v := range x {
		out[i] = T(math.Sqrt(float64(v)))
	}
}
