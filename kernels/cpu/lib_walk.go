package cpu

// maxRank is the largest number of dimensions a tensor may have.
const maxRank = 8

// maxOperands is how many tensors a walk steps through at once.
const maxOperands = 4

// walk goes through a dense output in order, row by row, and along with it
// through other tensors by their strides. Dimensions of size 1 are gone, and
// neighbours that all tensors step through evenly are one, so that rows are as
// long as they can be.
type walk struct {
	n       int              // elements in a row
	strides [maxOperands]int // from element to element of a row, per tensor
	outer   []walkDim        // the other dimensions, outermost first
	rows    int

	last        int // the size of the innermost of outer, or 1
	lastStrides [maxOperands]int
}

type walkDim struct {
	n       int
	strides [maxOperands]int
}

// newWalk plans a walk over dimensions of these sizes, with the strides of each
// tensor.
func newWalk(shape []int, tensors ...[]int) *walk {
	if len(shape) > maxRank {
		fail("the shape %v has more than %d dimensions", shape, maxRank)
	}
	var dims []walkDim
	for i, n := range shape {
		if n == 1 {
			continue
		}
		d := walkDim{n: n}
		for t, s := range tensors {
			d.strides[t] = s[i]
		}
		if last := len(dims) - 1; last >= 0 && evenly(dims[last], d, len(tensors)) {
			d.n *= dims[last].n
			dims[last] = d
			continue
		}
		dims = append(dims, d)
	}
	w := &walk{n: 1}
	if len(dims) > 0 {
		last := dims[len(dims)-1]
		w.n, w.strides, dims = last.n, last.strides, dims[:len(dims)-1]
	}
	w.setOuter(dims)
	return w
}

// setOuter sets the outer dimensions, and what is computed from them.
func (w *walk) setOuter(outer []walkDim) {
	w.outer, w.rows, w.last = outer, 1, 1
	for _, d := range outer {
		w.rows *= d.n
		w.last, w.lastStrides = d.n, d.strides
	}
}

// evenly reports whether stepping once in the outer dimension is stepping
// through all of the inner one, for all tensors.
func evenly(outer, inner walkDim, tensors int) bool {
	for t := range tensors {
		if outer.strides[t] != inner.strides[t]*inner.n {
			return false
		}
	}
	return true
}

// cursor is a place in a walk: the offset in each tensor of the present row.
type cursor struct {
	at     [maxOperands]int
	inLast int // index in the innermost of the outer dimensions
	index  [maxRank]int
}

// next goes to the next row.
func (c *cursor) next(w *walk) {
	c.inLast++
	if c.inLast >= w.last {
		c.carry(w)
		return
	}
	c.at[0] += w.lastStrides[0]
	c.at[1] += w.lastStrides[1]
	c.at[2] += w.lastStrides[2]
	c.at[3] += w.lastStrides[3]
}

// carry goes to the next row where the innermost of the outer dimensions ends.
func (c *cursor) carry(w *walk) {
	c.inLast = 0
	for t := range c.at {
		c.at[t] -= w.lastStrides[t] * (w.last - 1)
	}
	for d := len(w.outer) - 2; d >= 0; d-- {
		dim := &w.outer[d]
		c.index[d]++
		if c.index[d] < dim.n {
			for t := range c.at {
				c.at[t] += dim.strides[t]
			}
			return
		}
		c.index[d] = 0
		for t := range c.at {
			c.at[t] -= dim.strides[t] * (dim.n - 1)
		}
	}
}

// broadcastStrides gives the strides of a dense tensor seen in a larger shape:
// 0 where it repeats.
func broadcastStrides(in Buffer, out []int) []int {
	lead := len(out) - len(in.Shape)
	if lead < 0 {
		fail("the shape %v doesn't broadcast to %v", in.Shape, out)
	}
	s := make([]int, len(out))
	own := stridesOf(in.Shape)
	for i, n := range in.Shape {
		switch {
		case n == out[lead+i]:
			s[lead+i] = own[i]
		case n != 1:
			fail("the shape %v doesn't broadcast to %v", in.Shape, out)
		}
	}
	return s
}
