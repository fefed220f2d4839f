package cpu

// sub: a - b, elementwise.
//
// a [...], b [...] → out, the shape to which both broadcast. Bound by bytes.
//
// Integers wrap around.

func init() {
	register("sub", on(first, numbers(binary(subLoop[int32]), binary(subLoop[int64]), binary(subLoop[float32]), binary(subLoop[float64]))))
}

func subLoop[T number](out []T, a, b operand[T]) {
	for i := range out {
		out[i] = a.at(i) - b.at(i)
	}
}
