package cpu

// reciprocal: 1 / x, elementwise.
//
// x [...] → out [...]. Bound by bytes.

func init() {
	register("reciprocal", on(first, floats(unary(reciprocalLoop[float32]), unary(reciprocalLoop[float64]))))
}

func reciprocalLoop[T float](out, x []T) {
	for i, v := range x {
		out[i] = 1 / v
	}
}
