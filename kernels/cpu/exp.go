package cpu

// exp: e to the x, elementwise.
//
// x [...] → out [...]. Bound by flops.

func init() { register("exp", on(first, floats(unary(expLoop[float32]), unary(expLoop[float64])))) }

func expLoop[T float](out, x []T) {
	for i, v := range x {
		out[i] = T(expOf[T](float64(v)))
	}
}
