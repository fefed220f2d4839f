package cpu

// gather: elements of x by their index along dim: for dim 0 of two, out[i][j] =
// x[index[i][j]][j]. An index out of range gives NaN, or 0 in types without it.
//
// x [...], index [...] of as many dimensions and, but for dim, at most x's sizes → out,
// of index's shape. Bound by bytes.
func init() {
	register("gather", on(first, bySize(gather[uint8], gather[uint16], gather[uint32], gather[uint64])))
}

func gather[T word](a *Args) func() {
	in := a.input(0)
	x, out := view[T](in), view[T](a.Output)
	mustBe(a.Output, a.input(1).Shape)
	none := T(missing(in.DType))
	places, stride, w, read := alongIndex(a, in.Shape)
	return func() {
		read()
		var c cursor
		for range w.rows {
			at, to := c.at[1], out[c.at[0]:c.at[0]+w.n]
			for i, place := range places[c.at[0] : c.at[0]+w.n] {
				if place < 0 {
					to[i] = none
				} else {
					to[i] = x[at+place*stride]
				}
				at += w.strides[1]
			}
			c.next(w)
		}
	}
}

// alongIndex plans the walk over an index, input 1, whose elements name places
// along the dim of scalar 0 in a tensor of the given shape: place p of the
// element that the walk's second tensor has at offset o is o + p·stride.
func alongIndex(a *Args, shape []int) (places []int, stride int, w *walk, read func()) {
	index := a.input(1)
	dim := a.dim(0, shape)
	if len(index.Shape) != len(shape) {
		fail("the index has the shape %v, the indexed tensor %v", index.Shape, shape)
	}
	for d, n := range index.Shape {
		if d != dim && n > shape[d] {
			fail("the index of shape %v is larger than the indexed tensor of shape %v", index.Shape, shape)
		}
	}
	strides := stridesOf(shape)
	stride, strides[dim] = strides[dim], 0
	read, places = indices(index, shape[dim])
	w = newWalk(index.Shape, stridesOf(index.Shape), strides)
	if len(places) == 0 {
		w.rows = 0
	}
	return places, stride, w, read
}
