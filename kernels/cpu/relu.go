package cpu

// relu: max(x, 0), elementwise.
//
// x [...] → out [...]. Bound by bytes.
//
// NaN stays.

func init() {
	register("relu", on(first, numbers(unary(reluLoop[int32]), unary(reluLoop[int64]), unary(reluLoop[float32]), unary(reluLoop[float64]))))
}

func reluLoop[T number](out, x []T) {
	for i, v := range x {
		out[i] = max(v, 0)
	}
}
