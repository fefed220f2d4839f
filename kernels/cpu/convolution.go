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
	c := newContraction[T](true, p.batch*p.y.numel(), p.in*p.taps.numel(), p.taps[2])
	c.rows, c.rowOfOther, c.rowOfOut = p.out, p.in*p.taps.numel(), p.y.numel()
	c.see(p.windows())
	seen, kernels, out := view[T](x), view[T](weight), view[T](a.Output)
	if p.none() {
		return func() { clear(out) }
	}
	return func() {
		clear(out)
		for g := range p.groups {
			c.run(out[g*p.out*p.y.numel():], kernels[g*p.out*p.in*p.taps.numel():], seen[g*p.in*p.x.numel():])
		}
	}
}
