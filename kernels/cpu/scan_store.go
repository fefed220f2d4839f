package cpu

// scan_store: x with another slice at an index along dim; in_place, x's other slices are
// in the output already. An index out of range changes nothing.
//
// x [...], index [], slice of x's shape without dim → out, of x's shape. Bound by bytes.
func init() {
	register("scan_store", on(first, bySize(scanStore[uint8], scanStore[uint16], scanStore[uint32], scanStore[uint64])))
}

func scanStore[T word](a *Args) func() {
	in, slice := a.input(0), a.input(2)
	x, from, out := view[T](in), view[T](slice), view[T](a.Output)
	sameShape(in, a.Output)
	outer, n, inner := split(in.Shape, a.dim(0, in.Shape))
	mustBe(slice, without(in.Shape, a.dim(0, in.Shape)))
	inPlace := a.bool(1)
	read, place := oneIndex(a.input(1), n)
	return func() {
		if !inPlace {
			copy(out, x)
		}
		read()
		if place[0] < 0 {
			return
		}
		for o := range outer {
			copy(out[(o*n+place[0])*inner:], from[o*inner:(o+1)*inner])
		}
	}
}
