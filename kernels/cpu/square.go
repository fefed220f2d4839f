package cpu

// square: x · x, elementwise.
//
// x [...] → out [...]. Bound by bytes.

func init() {
	register("square", on(first, numbers(unary(squareLoop[int32]), unary(squareLoop[int64]), unary(squareLoop[float32]), unary(squareLoop[float64]))))
}

func squareLoop[T number](out, x []T) {
	for i, v := range x {
		out[i] = v * v
	}
}
