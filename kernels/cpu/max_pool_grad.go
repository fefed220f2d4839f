package cpu

import "slices"

// max_pool_grad: values of windows, added up at the elements whose index they have, in
// the windows' order, in T (f16 and bf16 in f32). An index outside of the plane adds
// nothing.
//
// g [..., windows], index of g's shape → out [..., sizes]. Bound by bytes.
func init() { register("max_pool_grad", on(first, floats(maxPoolGrad[float32], maxPoolGrad[float64]))) }

func maxPoolGrad[T float](a *Args) func() {
	g, index, out, sizes := view[T](a.input(0)), view[int32](a.input(1)), view[T](a.Output), a.ints(0)
	shape := a.input(0).Shape
	mustBe(a.input(1), shape)
	lead := len(shape) - len(sizes)
	if lead < 0 {
		fail("%d dims of %v can't have been pooled", len(sizes), shape)
	}
	mustBe(a.Output, slices.Concat(shape[:lead], sizes))
	planes, count, plane := numel(shape[:lead]), numel(shape[lead:]), numel(sizes)
	return func() {
		fill(out, 0)
		for p := range planes {
			to := out[p*plane : (p+1)*plane]
			for i, at := range index[p*count : (p+1)*count] {
				if at >= 0 && int(at) < plane {
					to[at] += g[p*count+i]
				}
			}
		}
	}
}
