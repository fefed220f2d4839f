package cpu

// argBest binds the search for an index along a dim, scalar 0; -1 is all of x.
func argBest[T number](find func(x []T, n, step int) int32) binder {
	return func(a *Args) func() {
		in := a.input(0)
		x, out := view[T](in), view[int32](a.Output)
		outer, n, inner := 1, len(x), 1
		isReduced := make([]bool, len(in.Shape))
		if a.int(0) == -1 {
			for d := range isReduced {
				isReduced[d] = true
			}
		} else {
			dim := a.dim(0, in.Shape)
			isReduced[dim] = true
			outer, n, inner = split(in.Shape, dim)
		}
		checkReduced(a.Output, in.Shape, isReduced)
		if n == 0 && len(out) > 0 {
			fail("no element of %v can be chosen: the dim is empty", in.Shape)
		}
		return func() {
			for o := range outer {
				for i := range inner {
					out[o*inner+i] = find(x[o*n*inner+i:], n, inner)
				}
			}
		}
	}
}
