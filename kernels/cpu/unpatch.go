package cpu

// unpatch: elements of windows, added up at where they were: the transpose of patches. They
// are added in the order of the window's elements, in T (f16 and bf16 in f32).
//
// x [planes, kernel height, kernel width, windows down, windows across] → out [planes,
// height, width]. Bound by bytes.
func init() {
	register("unpatch", on(first, numbers(unpatch[int32], unpatch[int64], unpatch[float32], unpatch[float64])))
}

func unpatch[T number](a *Args) func() {
	x, out := view[T](a.input(0)), view[T](a.Output)
	p := patchingOf(a, 1, a.Output.Shape, a.input(0).Shape)
	return func() {
		clear(out)
		p.each(func(from, to, count, step int) {
			for i := range count {
				out[to+i*step] += x[from+i]
			}
		})
	}
}
