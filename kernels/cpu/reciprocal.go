package cpu

// reciprocal: 1 / x, elementwise.
//
// x [...] → out [...]. Bound by bytes.
func init() { register("reciprocal", unaryFloats(reciprocal, reciprocal)) }

func reciprocal[T float](out, x []T) {
	for i, v := range x {
		out[i] = 1 / v
	}
}
