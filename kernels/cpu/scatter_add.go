package cpu

// scatter_add: x, with elements of src added by their index along dim: for dim 0 of
// two, out[index[i][j]][j] += src[i][j].
//
// x [...], index [...] of as many dimensions and, but for dim, at most x's sizes, src
// of index's shape → out, of x's shape. Bound by bytes.
//
// Elements are added one by one in the order of index, in T (f16 and bf16 in f32). An
// index out of range adds nothing.
func init() {
	register("scatter_add", on(first, numbers(scatterAdd[int32], scatterAdd[int64], scatterAdd[float32], scatterAdd[float64])))
}

func scatterAdd[T number](a *Args) func() {
	in, source := a.input(0), a.input(2)
	x, src, out := view[T](in), view[T](source), view[T](a.Output)
	sameShape(in, a.Output)
	mustBe(source, a.input(1).Shape)
	places, stride, w, read := alongIndex(a, in.Shape)
	return func() {
		copy(out, x)
		read()
		var c cursor
		for range w.rows {
			at := c.at[1]
			for i := c.at[0]; i < c.at[0]+w.n; i++ {
				if place := places[i]; place >= 0 {
					out[at+place*stride] += src[i]
				}
				at += w.strides[1]
			}
			c.next(w)
		}
	}
}
