package cpu

import "slices"

// argBest binds the search for an index along the one dim of scalar 0, or in
// all of x, laid flat, where scalar 0 names all dims.
func argBest[T number](find func(x []T, n, stride int) int32) binder {
	return func(a *Args) func() {
		in := a.input(0)
		x, out := view[T](in), view[int32](a.Output)
		outer, n, inner := 1, len(x), 1
		isReduced := make([]bool, len(in.Shape))
		dims := a.ints(0)
		for _, d := range dims {
			if d < 0 || d >= len(in.Shape) || isReduced[d] {
				fail("dims %v don't fit the shape %v", dims, in.Shape)
			}
			isReduced[d] = true
		}
		switch {
		case !slices.Contains(isReduced, false):
		case len(dims) == 1:
			outer, n, inner = split(in.Shape, dims[0])
		default:
			fail("dims %v are neither one nor all of the shape %v", dims, in.Shape)
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
