package cpu

// alongDim binds a kernel that works on each row of x along a dim, scalar 0,
// by itself. The output has x's shape.
func alongDim[T any](row func(out, x []T, n, stride int)) binder { return alongDimTo(row) }

// alongDimTo is alongDim for outputs of another type.
func alongDimTo[T, U any](row func(out []U, x []T, n, stride int)) binder {
	return func(a *Args) func() {
		in := a.input(0)
		x, out := view[T](in), view[U](a.Output)
		sameShape(in, a.Output)
		outer, n, inner := split(in.Shape, a.dim(0, in.Shape))
		if len(x) == 0 {
			return nothing
		}
		return func() {
			for o := range outer {
				for i := range inner {
					at := o*n*inner + i
					row(out[at:], x[at:], n, inner)
				}
			}
		}
	}
}
