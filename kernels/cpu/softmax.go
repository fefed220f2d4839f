package cpu

// softmax: e^x over its sum along dim.
//
// x [...] → out [...]. Bound by flops.
//
// The largest element is subtracted first, so nothing overflows; sums are taken
// in f64. NaN wherever the line holds NaN or +∞, or nothing but -∞.

func init() {
	register("softmax", on(first, floats(alongDim(softmax[float32]), alongDim(softmax[float64]))))
}

// softmax works on n elements that lie step apart.
func softmax[T float](out, x []T, n, step int) {
	top := x[0]
	for i := 0; i < n*step; i += step {
		top = max(top, x[i])
	}
	var sum float64
	for i := 0; i < n*step; i += step {
		e := expOf[T](float64(x[i]) - float64(top))
		out[i] = T(e)
		sum += e
	}
	scale := 1 / sum
	for i := 0; i < n*step; i += step {
		out[i] = T(float64(out[i]) * scale)
	}
}
