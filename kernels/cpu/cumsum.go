package cpu

// cumsum: the running sum along dim, the element itself included.
//
// x [...] → out [...]. Integers wrap around; floats are summed in f64. Bound by bytes.
func init() {
	register("cumsum", on(first, numbers(alongDim(cumsum[int32, int64]), alongDim(cumsum[int64, int64]),
		alongDim(cumsum[float32, float64]), alongDim(cumsum[float64, float64]))))
}

// cumsum works on n elements that lie stride apart.
func cumsum[T, A number](out, x []T, n, stride int) {
	var sum A
	for i := 0; i < n*stride; i += stride {
		sum += A(x[i])
		out[i] = T(sum)
	}
}
