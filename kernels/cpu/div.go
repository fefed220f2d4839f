package cpu

// div: a / b, elementwise.
//
// a [...], b [...] → out, the shape to which both broadcast. Bound by bytes.

func init() { register("div", on(first, floats(binary(divLoop[float32]), binary(divLoop[float64])))) }

func divLoop[T float](out []T, a, b operand[T]) {
	for i := range out {
		out[i] = a.at(i) / b.at(i)
	}
}
