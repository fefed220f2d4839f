package cpu

// mul: a · b, elementwise.
//
// a [...], b [...] → out, the shape to which both broadcast. Bound by bytes.
//
// Integers wrap around.

func init() {
	register("mul", on(first, numbers(binary(mulLoop[int32]), binary(mulLoop[int64]), binary(mulLoop[float32]), binary(mulLoop[float64]))))
}

func mulLoop[T number](out []T, a, b operand[T]) {
	for i := range out {
		out[i] = a.at(i) * b.at(i)
	}
}
