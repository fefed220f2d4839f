package cpu

// max_pool: the largest element of each window along the last one to three dimensions. A
// window that has a NaN gives NaN, and one without elements the least value.
//
// x [..., sizes] → out [..., windows]. Bound by bytes.
func init() {
	register("max_pool", on(first, numbers(maxPool[int32], maxPool[int64], maxPool[float32], maxPool[float64])))
}

func maxPool[T number](a *Args) func() {
	x, out, w := view[T](a.input(0)), view[T](a.Output), windowsOf(a)
	return func() {
		i := 0
		for p := range w.planes {
			plane := x[p*w.plane : (p+1)*w.plane]
			for _, z := range w.spans[2] {
				for _, y := range w.spans[1] {
					for _, over := range w.spans[0] {
						out[i] = lowest[T]()
						if at := firstLargest(plane, w, z, y, over); at >= 0 {
							out[i] = plane[at]
						}
						i++
					}
				}
			}
		}
	}
}
