package cpu

// minimum: the smaller of a and b, elementwise.
//
// a [...], b [...] → out, the shape to which both broadcast. Bound by bytes.
//
// NaN if one is NaN.

func init() {
	register("minimum", on(first, numbers(binary(minimumLoop[int32]), binary(minimumLoop[int64]), binary(minimumLoop[float32]), binary(minimumLoop[float64]))))
}

func minimumLoop[T number](out []T, a, b operand[T]) {
	for i := range out {
		out[i] = min(a.at(i), b.at(i))
	}
}
