package cpu

// triangle binds a copy of x in which a part of each matrix is 0.
func triangle[T any](cleared func(row []T, i, diagonal int) []T) binder {
	return func(a *Args) func() {
		in, diagonal := a.input(0), a.int(0)
		x, out := view[T](in), view[T](a.Output)
		sameShape(in, a.Output)
		rank := len(in.Shape)
		if rank < 2 {
			fail("the shape %v has no matrices", in.Shape)
		}
		rows, cols := in.Shape[rank-2], in.Shape[rank-1]
		if len(x) == 0 {
			return nothing
		}
		return func() {
			copy(out, x)
			for r := range len(out) / cols {
				clear(cleared(out[r*cols:(r+1)*cols], r%rows, diagonal))
			}
		}
	}
}
