package cpu

// flip: x in reverse order along dims.
//
// x [...] → out [...]. Bound by bytes.
func init() {
	register("flip", on(first, bySize(flip[uint8], flip[uint16], flip[uint32], flip[uint64])))
}

func flip[T any](a *Args) func() {
	in := a.input(0)
	strides := stridesOf(in.Shape)
	base := 0
	for _, d := range a.ints(0) {
		if d < 0 || d >= len(in.Shape) || strides[d] < 0 {
			fail("dims %v don't fit the shape %v", a.ints(0), in.Shape)
		}
		base += (in.Shape[d] - 1) * strides[d]
		strides[d] = -strides[d]
	}
	return strided[T](a, in.Shape, base, strides)
}
