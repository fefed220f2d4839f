package cpu

// slice: every step-th element along dim, from start on; the output's size says how
// many.
//
// x [...] → out, x's shape but for dim. Bound by bytes.
func init() {
	register("slice", on(first, bySize(slice[uint8], slice[uint16], slice[uint32], slice[uint64])))
}

func slice[T any](a *Args) func() {
	in := a.input(0)
	dim, start, step := a.dim(0, in.Shape), a.int(1), a.int(2)
	if len(a.Output.Shape) != len(in.Shape) {
		fail("the output has the shape %v, the input %v", a.Output.Shape, in.Shape)
	}
	n := a.Output.Shape[dim]
	if start < 0 || step < 1 || n > 0 && start+(n-1)*step >= in.Shape[dim] {
		fail("%d elements from %d in steps of %d aren't in dim %d of %v", n, start, step, dim, in.Shape)
	}
	shape, strides := append([]int(nil), in.Shape...), stridesOf(in.Shape)
	base := start * strides[dim]
	shape[dim] = n
	strides[dim] *= step
	return strided[T](a, shape, base, strides)
}
