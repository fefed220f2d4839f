package cpu

// correlation is what convolution, convolution_input and convolution_weight compute: a
// sum of products of x [batch, groups · in, …], weight [groups · out, in, …] and y
// [batch, groups · out, …], for one of them. Element p of y meets element k of weight at
// element p · stride + k · dilation - padding of x, in each of up to three spatial dims;
// where there are fewer, the first are 1.
type correlation struct {
	batch, groups, in, out    int // in and out are the channels of a group
	x, taps, y                spatial
	stride, padding, dilation spatial
}

// spatial has a number for each spatial dim, outermost first.
type spatial [3]int

func (s spatial) numel() int { return s[0] * s[1] * s[2] }

// strides are the distances between neighbours in each dim.
func (s spatial) strides() spatial { return spatial{s[1] * s[2], s[2], 1} }

// along is the offset of an index.
func (s spatial) along(strides spatial) int {
	return s[0]*strides[0] + s[1]*strides[1] + s[2]*strides[2]
}

// planCorrelation reads the scalars, and the shapes of the three tensors, each with the
// batch or the weight's channels first.
func planCorrelation(a *Args, x, weight, y []int) *correlation {
	dims := len(x) - 2
	if dims < 1 || dims > 3 || len(weight) != len(x) || len(y) != len(x) {
		fail("the shapes %v, %v and %v aren't a convolution's", x, weight, y)
	}
	widen := func(list []int, missing int) spatial {
		s := spatial{missing, missing, missing}
		copy(s[3-dims:], list)
		return s
	}
	c := &correlation{batch: x[0], groups: a.int(3), x: widen(x[2:], 1), taps: widen(weight[2:], 1), y: widen(y[2:], 1),
		stride: widen(a.ints(0), 1), padding: widen(a.ints(1), 0), dilation: widen(a.ints(2), 1)}
	if c.groups < 1 || y[0] != x[0] || weight[0] != y[1] || weight[0]%c.groups != 0 || weight[1]*c.groups != x[1] {
		fail("the shapes %v, %v and %v aren't a convolution's with %d groups", x, weight, y, c.groups)
	}
	for _, list := range [][]int{a.ints(0), a.ints(1), a.ints(2), a.ints(4)} {
		if len(list) != dims {
			fail("%v has %d numbers for %d spatial dims", list, len(list), dims)
		}
	}
	c.in, c.out = weight[1], weight[0]/c.groups
	return c
}

// none is whether there are no products: then a result has zeros, if it has any elements.
func (c *correlation) none() bool { return c.batch == 0 || c.in == 0 || c.out == 0 }

// flops are those of all products.
func (c *correlation) flops() float64 {
	return 2 * float64(c.batch*c.y.numel()) * float64(c.groups*c.out) * float64(c.in*c.taps.numel())
}

// phases is how many eachPhase calls.
func (c *correlation) phases() int {
	n := 1
	for d, stride := range c.stride {
		n *= min(stride, c.x[d])
	}
	return n
}

// pointwise binds a convolution with one tap, a step of one and no padding: the matrix
// product of weight, as it is or transposed, with the channels of each example, which are
// read where they lie. It gives nil if this isn't one.
func (c *correlation) pointwise(a *Args, weight, x Buffer, rows, sum int, transposed bool) func() {
	if c.taps.numel() != 1 || c.stride != (spatial{1, 1, 1}) || c.padding != (spatial{}) || c.x != c.y {
		return nil
	}
	p := &product{m: rows, k: sum, n: c.x.numel(), aRow: sum, aCol: 1, bRow: c.x.numel(), bCol: 1}
	if transposed {
		p.aRow, p.aCol = 1, rows
	}
	for n := range c.batch {
		for g := range c.groups {
			p.batch = append(p.batch, batchAt{a: g * rows * sum, b: (n*c.groups + g) * sum * c.x.numel()})
		}
	}
	return p.bind(a, a.Output, weight, x)
}

// gathering is a tensor seen through windows: at position p of example n, tap t of channel
// c sees the element p · step + t · tapStep + origin, or 0 if there is none. The sum of
// products goes over taps, or over positions.
type gathering struct {
	batch, channels int
	positions, taps spatial

	size                  spatial // of what is seen
	step, tapStep, origin spatial
	example, channel      int // the distances between neighbours there

	// Where positions and taps lie in the two other tensors, of which one has no taps and
	// one no positions: the distances between examples, or channels, and in each dim.
	ofPosition, ofTap place
}

type place struct {
	first, outer int // the offset of the first, and the distance between examples or channels
	inner        spatial
}

// windows is how y sees x.
func (c *correlation) windows() gathering {
	volume := c.x.numel()
	g := gathering{batch: c.batch, channels: c.in, positions: c.y, taps: c.taps, size: c.x, step: c.stride, tapStep: c.dilation,
		example: c.groups * c.in * volume, channel: volume,
		ofPosition: place{outer: c.groups * c.out * c.y.numel(), inner: c.y.strides()},
		ofTap:      place{outer: c.taps.numel(), inner: c.taps.strides()}}
	for d, padding := range c.padding {
		g.origin[d] = -padding
	}
	return g
}

// phase is how x sees y, from its element first on, in steps of stride: these elements see
// the same taps, those that put them onto an element of y and not between two.
func (c *correlation) phase(first spatial) gathering {
	volume := c.y.numel()
	taps, xs := c.taps.strides(), c.x.strides()
	g := gathering{batch: c.batch, channels: c.out, size: c.y, step: spatial{1, 1, 1},
		example: c.groups * c.out * volume, channel: volume}
	var firstTap spatial
	for d, i := range first {
		tap, every := c.tapsAt(d, i)
		firstTap[d] = tap
		g.positions[d] = (c.x[d] - i + c.stride[d] - 1) / c.stride[d]
		g.taps[d] = (c.taps[d] - tap + every - 1) / every
		g.tapStep[d] = -every * c.dilation[d] / c.stride[d]
		g.origin[d] = (i + c.padding[d] - tap*c.dilation[d]) / c.stride[d]
		g.ofPosition.inner[d] = c.stride[d] * xs[d]
		g.ofTap.inner[d] = every * taps[d]
	}
	g.ofPosition.first, g.ofPosition.outer = first.along(xs), c.groups*c.in*c.x.numel()
	g.ofTap.first, g.ofTap.outer = firstTap.along(taps), c.in*c.taps.numel()
	return g
}

// eachPhase calls f for the first element of each phase.
func (c *correlation) eachPhase(f func(first spatial)) {
	for i0 := range min(c.stride[0], c.x[0]) {
		for i1 := range min(c.stride[1], c.x[1]) {
			for i2 := range min(c.stride[2], c.x[2]) {
				f(spatial{i0, i1, i2})
			}
		}
	}
}

// tapsAt gives the first tap that puts element i of x onto one of y in dim d, and how far
// apart such taps are. If there is none, the first is where they end.
func (c *correlation) tapsAt(d, i int) (first, every int) {
	every = c.stride[d] / gcd(c.stride[d], c.dilation[d])
	for tap := range min(every, c.taps[d]) {
		if (i+c.padding[d]-tap*c.dilation[d])%c.stride[d] == 0 {
			return tap, every
		}
	}
	return c.taps[d], every
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
