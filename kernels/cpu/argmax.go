package cpu

// argmax: the index of the first largest element along a dim, or in all of x laid flat.
// The first NaN wins over all numbers.
//
// x [...] → out i32 without (or with, as 1) the dim. Bound by bytes.
func init() {
	register("argmax", on(first, numbers(argBest(argmaxOf[int32]), argBest(argmaxOf[int64]),
		argBest(argmaxOf[float32]), argBest(argmaxOf[float64]))))
}

// argmaxOf finds the index in n elements of x that lie stride apart.
func argmaxOf[T number](x []T, n, stride int) int32 {
	best := 0
	top := x[0]
	for i := 1; i < n && top == top; i++ {
		if v := x[i*stride]; v > top || v != v {
			best, top = i, v
		}
	}
	return int32(best)
}
