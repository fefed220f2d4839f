package cpu

// argmin: the index of the first smallest element along a dim, or in all of x laid
// flat. The first NaN wins over all numbers.
//
// x [...] → out i32 without (or with, as 1) the dim. Bound by bytes.
func init() {
	register("argmin", on(first, numbers(argBest(argminOf[int32]), argBest(argminOf[int64]),
		argBest(argminOf[float32]), argBest(argminOf[float64]))))
}

// argminOf finds the index in n elements of x that lie stride apart.
func argminOf[T number](x []T, n, stride int) int32 {
	best := 0
	top := x[0]
	for i := 1; i < n && top == top; i++ {
		if v := x[i*stride]; v < top || v != v {
			best, top = i, v
		}
	}
	return int32(best)
}
