package cpu

// convolution_weight: the gradient of convolution for weight, from x and that of its
// value, y.
//
// x [batch, groups · in, …], y [batch, groups · out, …] → out [groups · out, in, …sizes].
// Bound by flops: two for each element of y, channel of its group and tap.
//
// It is the product of y with what its elements see of x, along all of them.
func init() {
	register("convolution_weight", on(first, floats(convolutionWeight[float32], convolutionWeight[float64])))
}

func convolutionWeight[T float](a *Args) func() {
	x, y := a.input(0), a.input(1)
	p := planCorrelation(a, x.Shape, a.Output.Shape, y.Shape)
	c := newContraction[T](false, p.in*p.taps.numel(), p.batch*p.y.numel(), p.taps[2])
	c.rows, c.rowOfOther, c.rowOfOut = p.out, p.y.numel(), p.in*p.taps.numel()
	c.see(p.windows())
	seen, slopes, out := view[T](x), view[T](y), view[T](a.Output)
	if p.none() {
		return func() { clear(out) }
	}
	return func() {
		clear(out)
		for g := range p.groups {
			c.run(out[g*p.out*p.in*p.taps.numel():], slopes[g*p.out*p.y.numel():], seen[g*p.in*p.x.numel():])
		}
	}
}
