package cpu

// maximum: the larger of a and b, elementwise.
//
// a [...], b [...] → out, the shape to which both broadcast. Bound by bytes.
//
// NaN if one is NaN.

func init() {
	register("maximum", on(first, numbers(binary(maximumLoop[int32]), binary(maximumLoop[int64]), binary(maximumLoop[float32]), binary(maximumLoop[float64]))))
}

func maximumLoop[T number](out []T, a, b operand[T]) {
	for i := range out {
		out[i] = max(a.at(i), b.at(i))
	}
}
