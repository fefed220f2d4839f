package cpu

// convolution_input: the gradient of convolution for x, from that of its value, y; and so
// a transposed convolution.
//
// y [batch, groups · out, …], weight [groups · out, in, …] → out [batch, groups · in,
// …sizes]. Bound by flops: two for each element of y, channel of its group and tap.
//
// Each element of out sees elements of y. With a stride, neighbours see through different
// taps, and those that are a stride apart through the same: so there is a product for each
// of the first elements, with its own taps, and none with what lies between two elements.
func init() {
	register("convolution_input", on(first, floats(convolutionInput[float32], convolutionInput[float64])))
}

func convolutionInput[T float](a *Args) func() {
	y, weight := a.input(0), a.input(1)
	p := planCorrelation(a, a.Output.Shape, weight.Shape, y.Shape)
	seen, kernels, out := view[T](y), view[T](weight), view[T](a.Output)
	if p.none() {
		return func() { clear(out) }
	}
	if run := p.pointwise(a, weight, y, p.in, p.out, true); run != nil {
		return run
	}
	var phases []func()
	p.eachPhase(func(first spatial) {
		g := p.phase(first)
		phases = append(phases, contractions(a, g.batch*g.positions.numel(), p.flops()/float64(p.phases()), func() *contraction[T] {
			c := newContraction[T](true, g.batch*g.positions.numel(), p.out*p.taps.numel(), p.taps[2])
			c.rows, c.rowOfOther, c.rowOfOut = p.in, p.taps.numel(), p.x.numel()
			c.see(g)
			return c
		}, func(c *contraction[T], first, end int) {
			for g := range p.groups {
				c.run(out[g*p.in*p.x.numel():], kernels[g*p.out*p.in*p.taps.numel():], seen[g*p.out*p.y.numel():], first, end)
			}
		}))
	})
	return func() {
		clear(out)
		for _, multiply := range phases {
			multiply()
		}
	}
}
