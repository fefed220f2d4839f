package cpu

// add: a + b, elementwise.
//
// a [...], b [...] → out, the shape to which both broadcast. Bound by bytes.
//
// Integers wrap around.

func init() {
	register("add", on(first, numbers(binary(addLoop[int32]), binary(addLoop[int64]), binary(addLoop[float32]), binary(addLoop[float64]))))
}

func addLoop[T number](out []T, a, b operand[T]) {
	for i := range out {
		out[i] = a.at(i) + b.at(i)
	}
}
