package cpu

// where: input where condition holds, else other, elementwise.
//
// condition bool [...], input [...], other [...] → out, the shape to which all
// broadcast. Bound by bytes.
func init() {
	register("where", on(second, bySize(where[uint8], where[uint16], where[uint32], where[uint64])))
}

func where[T any](a *Args) func() {
	cond, x, y, out := view[uint8](a.input(0)), view[T](a.input(1)), view[T](a.input(2)), view[T](a.Output)
	shape := a.Output.Shape
	w := newWalk(shape, stridesOf(shape), broadcastStrides(a.input(0), shape),
		broadcastStrides(a.input(1), shape), broadcastStrides(a.input(2), shape))
	if len(out) == 0 {
		return nothing
	}
	return func() {
		var c cursor
		for range w.rows {
			o := c.at[0]
			whereLoop(out[o:o+w.n], row(cond, c.at[1], w.strides[1]), row(x, c.at[2], w.strides[2]), row(y, c.at[3], w.strides[3]))
			c.next(w)
		}
	}
}

func whereLoop[T any](out []T, cond operand[uint8], x, y operand[T]) {
	for i := range out {
		if cond.at(i) != 0 {
			out[i] = x.at(i)
		} else {
			out[i] = y.at(i)
		}
	}
}
