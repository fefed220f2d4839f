package cpu

// cumprod: the running product along dim, the element itself included.
//
// x [...] → out [...]. Integers wrap around; floats are multiplied in f64. Bound by bytes.
func init() {
	register("cumprod", on(first, numbers(alongDim(cumprod[int32, int64]), alongDim(cumprod[int64, int64]),
		alongDim(cumprod[float32, float64]), alongDim(cumprod[float64, float64]))))
}

// cumprod works on n elements that lie stride apart.
func cumprod[T, A number](out, x []T, n, stride int) {
	product := A(1)
	for i := 0; i < n*stride; i += stride {
		product *= A(x[i])
		out[i] = T(product)
	}
}
