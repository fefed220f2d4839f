package cpu

// argcummin: the index of the smallest element so far along dim, the element itself
// included: of equal ones the last. NaN wins over all numbers.
//
// x [...] → out i32, of x's shape. Bound by bytes.
func init() {
	register("argcummin", on(first, numbers(alongDimTo(argcummin[int32]), alongDimTo(argcummin[int64]),
		alongDimTo(argcummin[float32]), alongDimTo(argcummin[float64]))))
}

// argcummin works on n elements that lie stride apart.
func argcummin[T number](out []int32, x []T, n, stride int) {
	best, least := 0, x[0]
	for i := range n {
		if v := x[i*stride]; v != v || least == least && v <= least {
			best, least = i, v
		}
		out[i*stride] = int32(best)
	}
}
