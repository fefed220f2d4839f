package cpu

// scan_slice: the slice of x at an index along dim. An index out of range gives NaN, or 0
// in types without it.
//
// x [...], index [] → out, of x's shape without dim. Bound by bytes.
func init() {
	register("scan_slice", on(first, bySize(scanSlice[uint8], scanSlice[uint16], scanSlice[uint32], scanSlice[uint64])))
}

func scanSlice[T word](a *Args) func() {
	in := a.input(0)
	x, out := view[T](in), view[T](a.Output)
	outer, n, inner := split(in.Shape, a.dim(0, in.Shape))
	mustBe(a.Output, without(in.Shape, a.dim(0, in.Shape)))
	none := T(missing(in.DType))
	read, place := oneIndex(a.input(1), n)
	return func() {
		read()
		if place[0] < 0 {
			for i := range out {
				out[i] = none
			}
			return
		}
		for o := range outer {
			copy(out[o*inner:(o+1)*inner], x[(o*n+place[0])*inner:])
		}
	}
}

// oneIndex is indices for a scalar.
func oneIndex(b Buffer, n int) (read func(), place []int) {
	if len(b.Shape) != 0 {
		fail("the index has the shape %v; a scalar was expected", b.Shape)
	}
	return indices(b, n)
}

// without is a shape without one of its dimensions.
func without(shape []int, dim int) []int {
	return append(append([]int(nil), shape[:dim]...), shape[dim+1:]...)
}
