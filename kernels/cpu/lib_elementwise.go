package cpu

// The frames of elementwise kernels. A kernel's own file holds the loop over
// one row; here is which rows there are.

// unary binds out[i] = f(x[i]).
func unary[T, U any](loop func(out []U, x []T)) binder {
	return func(a *Args) func() {
		x, out := view[T](a.input(0)), view[U](a.Output)
		sameShape(a.input(0), a.Output)
		return func() { loop(out, x) }
	}
}

// binary binds out[i] = f(a[i], b[i]) with broadcasting.
func binary[T, U any](loop func(out []U, a, b operand[T])) binder {
	return func(args *Args) func() {
		a, b, out := view[T](args.input(0)), view[T](args.input(1)), view[U](args.Output)
		shape := args.Output.Shape
		w := newWalk(shape, stridesOf(shape),
			broadcastStrides(args.input(0), shape), broadcastStrides(args.input(1), shape))
		if len(out) == 0 {
			return nothing
		}
		if w.rows == 1 {
			ra, rb := row(a, 0, w.strides[1]), row(b, 0, w.strides[2])
			return func() { loop(out, ra, rb) }
		}
		return func() {
			var c cursor
			for range w.rows {
				o := c.at[0]
				loop(out[o:o+w.n], row(a, c.at[1], w.strides[1]), row(b, c.at[2], w.strides[2]))
				c.next(w)
			}
		}
	}
}
