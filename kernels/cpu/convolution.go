package cpu

// convolution: x convolved with weight, in groups of channels.
//
// x [batch, groups · in, …], weight [groups · out, in, …] → out [batch, groups · out,
// …sizes]. Bound by flops: two for each element of out, channel of its group and tap.
//
// It is the product of weight with what out's elements see of x, which is packed block
// by block (lib_gathering.go), so that no matrix of windows is ever whole.
func init() { register("convolution", on(first, floats(convolution[float32], convolution[float64]))) }

func convolution[T float](a *Args) func() {
	x, weight := a.input(0), a.input(1)
	p := planCorrelation(a, x.Shape, weight.Shape, a.Output.Shape)
	seen, kernels, out := view[T](x), view[T](weight), view[T](a.Output)
	if p.none() {
		return func() { clear(out) }
	}
	if run := p.pointwise(a, weight, x, p.out, p.in, false); run != nil {
		return run
	}
	sum := p.in * p.taps.numel()
	multiply := contractions(a, p.batch*p.y.numel(), p.flops(), func() *contraction[T] {
		c := newContraction[T](true, p.batch*p.y.numel(), sum, p.taps[2])
		c.rows, c.rowOfOther, c.rowOfOut = p.out, sum, p.y.numel()
		c.see(p.windows())
		return c
	}, func(c *contraction[T], first, end int) {
		for g := range p.groups {
			c.run(out[g*p.out*p.y.numel():], kernels[g*p.out*sum:], seen[g*p.in*p.x.numel():], first, end)
		}
	})
	return func() {
		clear(out)
		multiply()
	}
}
