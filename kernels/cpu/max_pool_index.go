package cpu

// max_pool_index: where in its plane max_pool finds what it takes: the first of equals, or
// the first NaN; -1 if the window has no elements.
//
// x [..., sizes] → out i32 [..., windows]. Bound by bytes.
func init() {
	register("max_pool_index", on(first, numbers(maxPoolIndex[int32], maxPoolIndex[int64], maxPoolIndex[float32], maxPoolIndex[float64])))
}

func maxPoolIndex[T number](a *Args) func() {
	x, out, w := view[T](a.input(0)), view[int32](a.Output), windowsOf(a)
	return func() {
		i := 0
		for p := range w.planes {
			plane := x[p*w.plane : (p+1)*w.plane]
			for _, z := range w.spans[2] {
				for _, y := range w.spans[1] {
					for _, over := range w.spans[0] {
						out[i] = int32(firstLargest(plane, w, z, y, over))
						i++
					}
				}
			}
		}
	}
}
