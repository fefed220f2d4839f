package cpu

// argcummax: the index of the largest element so far along dim, the element itself
// included: of equal ones the last. NaN wins over all numbers.
//
// x [...] → out i32, of x's shape. Bound by bytes.
func init() {
	register("argcummax", on(first, numbers(alongDimTo(argcummax[int32]), alongDimTo(argcummax[int64]),
		alongDimTo(argcummax[float32]), alongDimTo(argcummax[float64]))))
}

// argcummax works on n elements that lie stride apart.
func argcummax[T number](out []int32, x []T, n, stride int) {
	best, top := 0, x[0]
	for i := range n {
		if v := x[i*stride]; v != v || top == top && v >= top {
			best, top = i, v
		}
		out[i*stride] = int32(best)
	}
}
