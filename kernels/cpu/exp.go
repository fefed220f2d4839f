package cpu

// exp: e to the x, elementwise.
//
// x [...] → out [...]. Bound by flops.
func init() { register("exp", wide(expLoop[float32], expLoop[float64])) }

func expLoop[T float](b []float64) {
	for i, v := range b {
		b[i] = expOf[T](v)
	}
}
