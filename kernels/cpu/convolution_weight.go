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
	seen, slopes, out := view[T](x), view[T](y), view[T](a.Output)
	if p.none() {
		return func() { clear(out) }
	}
	lines := p.in * p.taps.numel()
	multiply := contractions(a, lines, p.flops(), func() *contraction[T] {
		c := newContraction[T](false, lines, p.batch*p.y.numel(), p.taps[2])
		c.rows, c.rowOfOther, c.rowOfOut = p.out, p.y.numel(), lines
		c.see(p.windows())
		return c
	}, func(c *contraction[T], first, end int) {
		for g := range p.groups {
			c.run(out[g*p.out*lines:], slopes[g*p.out*p.y.numel():], seen[g*p.in*p.x.numel():], first, end)
		}
	})
	return func() {
		clear(out)
		multiply()
	}
}
