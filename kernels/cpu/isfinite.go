package cpu

// isfinite: whether x is neither NaN nor infinite, elementwise. Integers are all
// finite.
//
// x [...] → out bool [...]. Bound by bytes.
func init() { register("isfinite", predicate(always, always, isfinite, isfinite)) }

func isfinite[T float](out []uint8, x []T) {
	for i, v := range x {
		out[i] = b2u(v-v == 0)
	}
}
