package cpu

// isnan: whether x is NaN, elementwise. Integers are all finite.
//
// x [...] → out bool [...]. Bound by bytes.
func init() { register("isnan", predicate(never, never, isnan, isnan)) }

func isnan[T float](out []uint8, x []T) {
	for i, v := range x {
		out[i] = b2u(v != v)
	}
}
