package cpu

import "slices"

// concat: tensors joined along dim.
//
// tensors [...] that differ in dim only → out, whose dim is the sum of theirs. Bound by
// bytes.
func init() {
	register("concat", on(output, bySize(concat[uint8], concat[uint16], concat[uint32], concat[uint64])))
}

func concat[T any](a *Args) func() {
	out := view[T](a.Output)
	dim := a.dim(0, a.Output.Shape)
	outer, _, _ := split(a.Output.Shape, dim)
	type part struct {
		x     []T
		chunk int // elements for each place of the outer dimensions
	}
	parts := make([]part, 0, len(a.Inputs))
	shape := slices.Clone(a.Output.Shape)
	shape[dim] = 0
	for _, in := range a.Inputs {
		if len(in.Shape) != len(shape) {
			fail("the shapes %v and %v can't be joined", in.Shape, a.Output.Shape)
		}
		for d, n := range in.Shape {
			if d != dim && n != shape[d] {
				fail("the shapes %v and %v can't be joined along dim %d", in.Shape, a.Output.Shape, dim)
			}
		}
		shape[dim] += in.Shape[dim]
		if x := view[T](in); len(x) > 0 {
			parts = append(parts, part{x, len(x) / outer})
		}
	}
	mustBe(a.Output, shape)
	return func() {
		to := out
		for o := range outer {
			for i := range parts {
				p := &parts[i]
				to = to[copy(to, p.x[o*p.chunk:(o+1)*p.chunk]):]
			}
		}
	}
}
