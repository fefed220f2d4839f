package cpu

// permute: x with its dimensions in another order.
//
// x [...] → out, whose dimension i is x's dimension dims[i]. Bound by bytes; where the
// last two dimensions trade places, by squares that fit the cache.
func init() {
	register("permute", on(first, bySize(permute[uint8], permute[uint16], permute[uint32], permute[uint64])))
}

func permute[T any](a *Args) func() {
	in, dims := a.input(0), a.ints(0)
	if len(dims) != len(in.Shape) {
		fail("dims %v don't fit the shape %v", dims, in.Shape)
	}
	own := stridesOf(in.Shape)
	shape, strides := make([]int, len(dims)), make([]int, len(dims))
	var seen [maxRank]bool
	for i, d := range dims {
		if d < 0 || d >= len(dims) || seen[d] {
			fail("dims %v are no order of the dimensions of %v", dims, in.Shape)
		}
		seen[d] = true
		shape[i], strides[i] = in.Shape[d], own[d]
	}
	return strided[T](a, shape, 0, strides)
}
