package cpu

// square: x · x, elementwise.
//
// x [...] → out [...]. Bound by bytes.
func init() { register("square", unaryNumbers(square, square, square, square)) }

func square[T number](out, x []T) {
	for i, v := range x {
		out[i] = v * v
	}
}
