package cpu

// patches: windows over planes taken apart: for each element of the window a plane of what
// is there in each window. What lies outside of x is 0.
//
// x [planes, height, width] → out [planes, kernel height, kernel width, windows down,
// windows across]. Bound by bytes.
func init() {
	register("patches", on(first, bySize(patches[uint8], patches[uint16], patches[uint32], patches[uint64])))
}

func patches[T word](a *Args) func() {
	x, out := view[T](a.input(0)), view[T](a.Output)
	p := patchingOf(a, 0, a.input(0).Shape, a.Output.Shape)
	return func() {
		clear(out)
		p.each(func(from, to, count, step int) {
			for i := range count {
				out[from+i] = x[to+i*step]
			}
		})
	}
}
